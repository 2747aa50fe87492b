// Calls what argv says by the libraries of gRPC for Node.
//   node grpc_client.js calls ADDRESS PROTO KEY TOKEN
//   node grpc_client.js reflect ADDRESS
const grpc = require("@grpc/grpc-js");
const [what, address, proto, key, token] = process.argv.slice(2);

function ask(client, method, request, metadata) {
  return new Promise((done) => client[method](request, metadata,
    { deadline: Date.now() + 20000 }, (error, answer) =>
      done(error ? { code: error.code } : answer)));
}

async function calls() {
  const loaded = require("@grpc/proto-loader").loadSync(proto,
    { keepCase: true, defaults: true, longs: Number });
  const api = grpc.loadPackageDefinition(loaded).entativa.user;
  const client = new api.UserService(address,
    grpc.credentials.createInsecure());
  const by = (name, value) => {
    const m = new grpc.Metadata();
    m.set(name, value);
    return m;
  };
  const withKey = by("x-api-key", key);
  const withToken = by("authorization", "Bearer " + token);
  const bad = by("authorization", "Bearer x" + token);
  const all = [
    ["GetUser", {}, withToken], ["GetUser", {}, withKey],
    ["GetUser", {}, bad],
    ["ValidateToken", { token }, withKey],
    ["GetUsersByIDs", { user_ids: ["x"] }, withKey],
    ["VerifyTwoFactor", { user_id: "nobody", code: "123456" }, withKey],
  ];
  const answers = [];
  for (const [method, request, metadata] of all)
    answers.push(await ask(client, method, request, metadata));
  console.log(JSON.stringify(answers));
  client.close();
}

async function reflect() {
  const { GrpcReflection } = require("grpc-js-reflection-client");
  const client = new GrpcReflection(address,
    grpc.credentials.createInsecure());
  const services = await client.listServices();
  const methods = await client.listMethods("entativa.user.UserService");
  console.log(JSON.stringify({ services, methods: methods.map((m) => m.name) }));
  process.exit(0);
}

(what === "reflect" ? reflect : calls)();
