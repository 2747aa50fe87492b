#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/*
 * Every limit on hostile input, with its reason. Input past one is answered
 * with a 4xx; the arena's own cap lies far above their sum.
 */
#define LIMIT_ARENA (32u << 20)	      /* one request; 16 MiB is a photo twice */
#define LIMIT_BODY_JSON (64u << 10)   /* security row HB8 */
#define LIMIT_PICTURE (5u << 20)      /* row MU1 */
#define LIMIT_COVER (10u << 20)	      /* row MU1 */
#define LIMIT_UPLOAD (LIMIT_COVER + (64u << 10)) /* with its parts' headers */
#define LIMIT_UPLOADS 3		      /* bodies that large at once, per worker */
#define LIMIT_PARAMS 256	      /* FastCGI parameters, row HB3 */
#define LIMIT_PARAM_BYTES (64u << 10) /* their sum, row HB3 */
#define LIMIT_PATH 2048		      /* longest path with a meaning is < 200 */
#define LIMIT_REQUEST (512u << 10)    /* all its records, before it is parsed */
#define LIMIT_DRAIN (16u << 20)	      /* bytes read of a refused body */
#define LIMIT_HELD_CONNECTIONS 256    /* waiting, per worker; row HB5 */
#define LIMIT_HELD_BYTES (16u << 20)  /* all held ones together, but uploads */
#define LIMIT_CONNECTIONS 8192	      /* open, per worker; row HB5 */
#define LIMIT_QUERY 4096
#define LIMIT_QUERY_PAIRS 64
#define LIMIT_HEADER 8192	      /* one header value, Authorization too */
#define LIMIT_JSON_DEPTH 32	      /* row HB8 */
#define LIMIT_JSON_NODES 4096	      /* cJSON's look-up is linear */
#define LIMIT_JWT 8192		      /* row JW6 */
#define LIMIT_PASSWORD_BYTES 1024     /* row PW2; 256 code points * 4 */
#define LIMIT_PASSWORD_RATED 64	      /* libzxcvbn sees no more, row PW4 */
#define LIMIT_EMAIL 254		      /* RFC 5321 4.5.3.1.3, row LG6 */
#define LIMIT_USERNAME 50	      /* row AP5 */
#define LIMIT_NAME 100		      /* row AP5 */
#define LIMIT_USER_AGENT 512	      /* stored with the session, cut there */
#define LIMIT_PAGE 200		      /* row AP4 */
#define LIMIT_IDEMPOTENCY_KEY 255
#define LIMIT_HASH_QUEUE 64	      /* row PW10 */
#define LIMIT_HASH_WAIT_MS 2000	      /* row PW10 */
#define LIMIT_FAILURES 100	      /* of one authenticator, row RL4 */
#define LIMIT_SESSIONS 50	      /* per user, row SE5 */
#define LIMIT_API_KEYS 50	      /* live ones per user */
#define LIMIT_GRPC_MESSAGE (64u << 10) /* row GR3 */
#define LIMIT_GRPC_FIELDS (2u << 20)   /* of its struct: 32 bytes a byte */
#define LIMIT_GRPC_METADATA 8192       /* all headers of a call, row GR3 */
#define LIMIT_GRPC_STREAMS 100	       /* at once, per connection, row GR3 */
#define LIMIT_GRPC_IDS 100	       /* of GetUsersByIDs, row GR2 */
#define LIMIT_ANSWER (4u << 20)	      /* the largest answer we build */

#endif
