-- name: mail_add
-- Mails without another cause:
-- use: send();

-- name: addressee
-- Where notices go, and how they greet (security rows LG11, RC3).
-- bool: proved
-- safe: yes
select name, addresses, proved from addressees where user_id = :user_id::uuid;
