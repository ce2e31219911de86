-- Secrets that people did not give by reference: sealed with a key that is not in the database.
create table waypost.secret (
  name text primary key,
  -- A hash of the key that sealed it.
  key_id text not null,
  nonce bytea not null,
  sealed bytea not null,
  changed_at timestamptz not null
);

-- Access to a mail system by OAuth 2.0: what is no secret of it. The tokens stand in waypost.secret under the same name.
create table waypost.token (
  -- `mailbox:ann@example.com`, or `profile:company mail` where one token serves all its mailboxes.
  name text primary key,
  -- Grows with each token that is stored: who was refused one knows by it whether there is a newer one.
  version bigint not null default 0,
  -- Grows with each try to get one, so that those who wait for another's try see how it ended.
  attempts bigint not null default 0,
  obtained_at timestamptz,
  expires_at timestamptz,
  -- A refresh token came with it.
  renewable boolean not null default false,
  scope text,
  -- When somebody authorized it last.
  authorized_at timestamptz,
  -- The last try, when it failed.
  failure jsonb,
  failed_at timestamptz
);
