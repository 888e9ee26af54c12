-- What the big city has none of, as many as a city has after a while: PostgreSQL reads a small table as a whole, whatever indexes it has.
-- It reads a big one as a whole for what nearly every row fits: so nobody here has the name of the town's people and restaurants, and what was
-- done was done on 138 days.
insert into restaurants (name, address, phone, cuisine_type, avg_rating, search_text)
select 'Kitchen ' || n, n || ' Lake Road', '+1 555 0100', 'Cuisine ' || n % 60, n % 50 / 10.0, 'kitchen ' || n || chr(10) || n || ' lake road'
from generate_series(1, 3000) n;
insert into menus (restaurant_id, name)
select id, 'Menu' from restaurants where not exists (select from menus where restaurant_id = restaurants.id);
insert into restaurant_members (restaurant_id, user_id)
select restaurants.id, people.id from restaurants
join (select id, row_number() over (order by id) as number from users) people on number = 1 + restaurants.id % 2000
where restaurants.id % 4 = 0
on conflict do nothing;
insert into drivers (name, phone, license_number, vehicle_type, status)
select 'Driver ' || n, '+99 ' || n, 'L-' || n, 'Bicycle', (array['OFFLINE', 'BUSY', 'AVAILABLE'])[1 + (n % 20 > 0)::int + (n % 20 > 15)::int]::driver_status
from generate_series(1, 3000) n;
insert into customers (name, email, normalized_email, search_text)
select 'Guest ' || n, 'g' || n || '@example.org', 'g' || n || '@example.org', 'guest ' || n from generate_series(1, 10000) n;
insert into sessions (user_id, created_at, last_used_at, expires_at, ended_at)
select id, now(), now(), now() + interval '30 days', case n when 1 then now() end from users, generate_series(1, 4) n;
insert into refresh_tokens (token_hash, session_id, created_at, generation)
select encode(sha256((id || '.' || n)::bytea), 'hex'), id, now(), n from sessions, generate_series(0, 2) n;
insert into audit_events (at, actor_id, action, subject)
select now() - (20000 - n) * interval '10 minutes', (select min(id) from users) + n % 500,
  (array['SIGNED_IN', 'SIGNED_OUT', 'SESSION_REVOKED', 'DISH_CREATED', 'MENU_UPDATED', 'USER_ROLE_SET'])[1 + n % 6], 'Order:' || n % 5000
from generate_series(1, 20000) n;
insert into driver_locations (order_id, slot, driver_id, recorded_at, lat, lng)
select id, n, driver_id, now() - n * interval '1 minute', 21, 105 from orders, generate_series(1, 2) n where driver_id is not null;
insert into account_tokens (token_hash, user_id, purpose, email, created_at, expires_at)
select encode(sha256(('a' || id || '.' || n)::bytea), 'hex'), id, 'VERIFY_EMAIL', 'ann@example.com', now(), now() + interval '1 day' from users, generate_series(1, 2) n;
insert into identities (issuer, subject, user_id, created_at) select 'https://accounts.example', id::text, id, now() from users;
insert into open_id_sign_ins (state_hash, secret_hash, nonce, pkce_verifier, redirect_url, expires_at)
select encode(sha256(('s' || n)::bytea), 'hex'), encode(sha256(('t' || n)::bytea), 'hex'), 'n', 'v', 'https://example.com', now() + interval '10 minutes'
from generate_series(1, 3000) n;
-- The journal of a city that was followed for a while: the steps of its last orders, with their positions and topics, and a gap.
create temporary table told as
select row_number() over (order by order_events.position) as position, order_events.position as id, order_id, at,
  array_remove(array['restaurant:' || restaurant_id, 'customer:' || customer_id, 'orders', 'driver:' || order_events.driver_id,
    case when order_events.status = 'CONFIRMED' then 'claimable' end], null) as topics
from order_events join orders on orders.id = order_id where order_id > 15000;
insert into journal_events (id, kind, topics, subject, at) select id, 'ORDER_STEP', to_jsonb(topics), order_id, at from told;
insert into journal_positions (event_id, position) select id, position from told;
insert into journal_entries (topic, position, event_id, kind, subject)
select topic, position, id, 'ORDER_STEP', order_id from told, unnest(topics) as topic;
insert into journal_runs (id, last_position, last_id, gaps, topics, life, at)
select id + 1, (select max(position) from told), last_id, '[{"first_id": -1, "last_id": 0, "since": "2026-01-01T00:00:00Z"}]', topics, life, now() from journal_runs order by id desc limit 1;

-- Jobs that wait, and some that have failed for good.
insert into jobs (kind, state, payload, unique_key, due_at, created_at)
select 'acceptance_timeout', 'READY', '{}', 'none ' || n, now() + interval '1 day', now() from generate_series(1, 3000) n;
insert into jobs (kind, state, payload, user_id, due_at, created_at)
select 'account_letter', 'DEAD', '"verify_email"', id, now(), now() from users order by id limit 1000;
analyze;
