-- What Tiffin computes or does beyond single rows, as functions that PostGraphile's schema is made of as well. Applied in the benchmark's
-- database only. They write the same rows as Tiffin and ask for no rights.

-- A menu is the only one of its restaurant: by an index, and PostGraphile looks at constraints.
comment on table menus is E'@unique restaurant_id';

create function customers_first_name(customer customers) returns text language sql stable
return split_part(customer.name, ' ', 1);

create function order_items_line_total(item order_items) returns numeric language sql stable
return round(item.unit_price * item.quantity, 2);

create type revenue_point as (period_start date, total_orders int, total_revenue numeric, avg_order_value numeric);

-- The last 30 days, today included.
create function restaurants_revenue(restaurant restaurants) returns setof revenue_point language sql stable as $$
  select day::date, coalesce(orders, 0)::int, round(coalesce(revenue, 0), 2), round(coalesce(revenue / orders, 0), 2)
  from generate_series((now() at time zone 'utc')::date - 29, (now() at time zone 'utc')::date, interval '1 day') as day
  left join (
    select (order_time at time zone 'utc')::date as day, count(*) as orders, sum(total_amount) as revenue
    from orders
    where restaurant_id = restaurant.id and status = 'DELIVERED'
      and order_time >= ((now() at time zone 'utc')::date - 29) at time zone 'utc'
    group by 1
  ) as earned using (day)
  order by day
$$;

create function search_dishes(term text) returns setof dishes language sql stable as $$
  select dishes.* from dishes
  join menus on menus.id = dishes.menu_id
  join restaurants on restaurants.id = menus.restaurant_id
  where restaurants.is_active and dishes.search_text like '%' || term || '%'
  order by dishes.search_text collate "C", dishes.id
$$;

create type order_line as (dish_id int, quantity int);

create function place_order(customer int, restaurant int, lines order_line[], address jsonb) returns orders
language plpgsql volatile as $$
declare
  place restaurants;
  subtotal numeric;
  tax numeric;
  dishes_found int;
  placed orders;
  event bigint;
begin
  select * into place from restaurants where id = restaurant and is_active;
  select count(*), sum(round(dishes.price * line.quantity, 2)) into dishes_found, subtotal
  from unnest(lines) as line
  join dishes on dishes.id = line.dish_id and dishes.is_available
  join menus on menus.id = dishes.menu_id and menus.restaurant_id = place.id;
  if dishes_found is distinct from cardinality(lines) then
    raise exception 'a dish cannot be ordered';
  end if;
  tax := round(subtotal * place.tax_rate, 2);
  insert into orders (customer_id, restaurant_id, order_time, subtotal, tax, delivery_fee, total_amount, currency, status,
    delivery_address, customer_name, restaurant_name)
  select customers.id, place.id, now(), subtotal, tax, place.delivery_fee, subtotal + tax + place.delivery_fee, place.currency,
    'PENDING', address, customers.name, place.name
  from customers where customers.id = customer
  returning * into strict placed;
  insert into order_items (order_id, dish_id, quantity, unit_price, dish_name)
  select placed.id, dishes.id, line.quantity, dishes.price, dishes.name
  from unnest(lines) as line join dishes on dishes.id = line.dish_id;
  event := nextval('order_events_position_seq');
  -- As published, or the trigger for older servers would write the journal's event once more.
  insert into order_events (order_id, sequence, status, actor, at, published_at, position)
  values (placed.id, 1, placed.status, 'Customer:' || customer, now(), now(), event);
  insert into journal_events (id, kind, topics, subject, at)
  values (event, 'ORDER_STEP', jsonb_build_array('restaurant:' || place.id, 'customer:' || customer, 'orders'), placed.id, now());
  insert into jobs (kind, state, payload, subject_id, unique_key, due_at, created_at)
  values ('acceptance_timeout', 'READY', '{}', placed.id, placed.id::text, now() + interval '30 days', now());
  -- Last, for every order of the restaurant waits for this row.
  update restaurants set total_orders = total_orders + 1 where id = place.id and is_active;
  return placed;
end
$$;

create function is_claimable(subject orders) returns boolean language sql immutable
return subject.status in ('CONFIRMED', 'PREPARING', 'READY') and subject.driver_id is null;
comment on function is_claimable is E'@behavior -*';

-- One step of an order's life: the order if it still is as it was, its event in its history and in the journal, the entry in the record, and
-- a word to those who listen.
create function step_order(present orders, after order_status, driver int, note text) returns orders
language plpgsql volatile as $$
declare
  changed orders;
  event order_events;
begin
  update orders set status = after, driver_id = driver
  where id = present.id and status = present.status and driver_id is not distinct from present.driver_id
  returning * into strict changed;
  insert into order_events (order_id, sequence, status, previous_status, driver_id, actor, note, at, published_at, position)
  select changed.id, coalesce(max(sequence), 0) + 1, after, present.status, driver, 'User:1', step_order.note, now(), now(),
    nextval('order_events_position_seq')
  from order_events where order_id = changed.id
  returning * into strict event;
  insert into journal_events (id, kind, topics, subject, at)
  values (event.position, 'ORDER_STEP', to_jsonb(array_remove(array[
      'restaurant:' || changed.restaurant_id, 'customer:' || changed.customer_id, 'orders', 'driver:' || driver,
      case when driver is distinct from present.driver_id then 'driver:' || present.driver_id end,
      case when is_claimable(changed) <> is_claimable(present) then 'claimable' end
    ], null)), changed.id, now());
  insert into audit_events (at, actor_id, action, subject, address, details)
  values (now(), 1, case when after = present.status then 'DRIVER_ASSIGNED' else 'ORDER_STATUS_UPDATED' end, 'Order:' || changed.id,
    '127.0.0.1', jsonb_build_object('status', after));
  perform pg_notify('order:' || changed.id, json_build_object('order', changed.id, 'sequence', event.sequence)::text);
  return changed;
end
$$;
-- For the others only: no mutation of its own.
comment on function step_order is E'@behavior -*';

create function update_order_status(id int, status order_status, note text default null) returns orders
language plpgsql volatile as $$
declare
  present orders;
  stepped orders;
begin
  select * into strict present from orders where orders.id = update_order_status.id;
  if (present.status, update_order_status.status) not in (('PENDING', 'CONFIRMED'), ('CONFIRMED', 'PREPARING'), ('PREPARING', 'READY'),
    ('READY', 'PICKED_UP'), ('PICKED_UP', 'DELIVERED'))
  then
    raise exception 'the order is %', present.status;
  end if;
  stepped := step_order(present, update_order_status.status, present.driver_id, note);
  if stepped.status = 'DELIVERED' then
    update drivers set status = 'AVAILABLE' where drivers.id = stepped.driver_id;
  end if;
  return stepped;
end
$$;

create function assign_driver(id int, driver int) returns orders language plpgsql volatile as $$
declare
  present orders;
begin
  select * into strict present from orders
  where orders.id = assign_driver.id and driver_id is null and status in ('CONFIRMED', 'PREPARING', 'READY');
  update drivers set status = 'BUSY' where drivers.id = driver and status = 'AVAILABLE';
  if not found then
    raise exception 'the driver is not available';
  end if;
  return step_order(present, present.status, driver, null);
end
$$;

create function release_driver(id int) returns orders language plpgsql volatile as $$
declare
  present orders;
begin
  select * into strict present from orders
  where orders.id = release_driver.id and driver_id is not null and status in ('CONFIRMED', 'PREPARING', 'READY');
  update drivers set status = 'AVAILABLE' where drivers.id = present.driver_id;
  return step_order(present, present.status, null, null);
end
$$;
