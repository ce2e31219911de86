-- When new tokens were asked for of which no answer is stored yet: a service that ends all access when a refresh token comes twice does so after a
-- crash at that moment.
alter table waypost.token add column asked_at timestamptz;
