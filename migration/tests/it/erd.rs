//! The first eight migrations build the ERD's tables as they were agreed, word for word.

use migration::migrate_steps;

use crate::scratch::{assert_same, erd_steps, on_postgres, schema, value};

/// The columns, as PostgreSQL describes them.
const COLUMNS: &str = "
customers id integer not null d
customers name character varying(100) not null
customers email character varying(255) not null
customers phone character varying(20)
customers addresses jsonb
customers created_at timestamp with time zone not null CURRENT_TIMESTAMP
customers updated_at timestamp with time zone not null CURRENT_TIMESTAMP
restaurants id integer not null d
restaurants name character varying(100) not null
restaurants address character varying(255) not null
restaurants phone character varying(20) not null
restaurants cuisine_type character varying(50) not null
restaurants avg_rating numeric(2,1) not null 0
restaurants total_orders integer not null 0
restaurants is_active boolean not null true
restaurants created_at timestamp with time zone not null CURRENT_TIMESTAMP
menus id integer not null d
menus restaurant_id integer not null
menus name character varying(100) not null
menus description text
dishes id integer not null d
dishes menu_id integer not null
dishes name character varying(100) not null
dishes description text
dishes price numeric(8,2) not null
dishes image_url character varying(255)
dishes is_available boolean not null true
dishes category character varying(50) not null
orders id integer not null d
orders customer_id integer not null
orders restaurant_id integer not null
orders driver_id integer
orders order_time timestamp with time zone not null CURRENT_TIMESTAMP
orders total_amount numeric(10,2) not null
orders delivery_fee numeric(6,2) not null
orders status order_status not null 'PENDING'::order_status
orders delivery_address jsonb not null
orders customer_name character varying(100)
orders restaurant_name character varying(100)
order_items order_id integer not null
order_items dish_id integer not null
order_items quantity integer not null
order_items unit_price numeric(8,2) not null
drivers id integer not null d
drivers name character varying(100) not null
drivers phone character varying(20) not null
drivers license_number character varying(50) not null
drivers vehicle_type character varying(50) not null
drivers status driver_status not null 'OFFLINE'::driver_status
drivers current_lat numeric(10,8)
drivers current_lng numeric(11,8)
reviews id integer not null d
reviews customer_id integer not null
reviews restaurant_id integer not null
reviews rating integer not null
reviews comment text
reviews created_at timestamp with time zone not null CURRENT_TIMESTAMP
";

/// Foreign keys, primary keys and checks.
const CONSTRAINTS: &str = "
customers customers_pkey PRIMARY KEY (id)
restaurants restaurants_pkey PRIMARY KEY (id)
menus menus_pkey PRIMARY KEY (id)
menus menus_restaurant_id_fkey FOREIGN KEY (restaurant_id) REFERENCES restaurants(id) ON DELETE CASCADE
dishes dishes_pkey PRIMARY KEY (id)
dishes dishes_menu_id_fkey FOREIGN KEY (menu_id) REFERENCES menus(id) ON DELETE CASCADE
dishes dishes_price_check CHECK ((price >= (0)::numeric))
orders orders_pkey PRIMARY KEY (id)
orders orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id) ON DELETE RESTRICT
orders orders_restaurant_id_fkey FOREIGN KEY (restaurant_id) REFERENCES restaurants(id) ON DELETE RESTRICT
orders orders_driver_id_fkey FOREIGN KEY (driver_id) REFERENCES drivers(id) ON DELETE SET NULL
orders orders_total_amount_check CHECK ((total_amount >= (0)::numeric))
orders orders_delivery_fee_check CHECK ((delivery_fee >= (0)::numeric))
order_items order_items_pkey PRIMARY KEY (order_id, dish_id)
order_items order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE
order_items order_items_dish_id_fkey FOREIGN KEY (dish_id) REFERENCES dishes(id) ON DELETE RESTRICT
order_items order_items_quantity_check CHECK ((quantity > 0))
order_items order_items_unit_price_check CHECK ((unit_price >= (0)::numeric))
drivers drivers_pkey PRIMARY KEY (id)
drivers drivers_current_lat_check CHECK (((current_lat >= ('-90'::integer)::numeric) AND (current_lat <= (90)::numeric)))
drivers drivers_current_lng_check CHECK (((current_lng >= ('-180'::integer)::numeric) AND (current_lng <= (180)::numeric)))
reviews reviews_pkey PRIMARY KEY (id)
reviews reviews_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id) ON DELETE RESTRICT
reviews reviews_restaurant_id_fkey FOREIGN KEY (restaurant_id) REFERENCES restaurants(id) ON DELETE RESTRICT
reviews reviews_rating_check CHECK (((rating >= 1) AND (rating <= 5)))
";

/// Indexes, without those of the primary keys.
const INDEXES: &str = "
CREATE UNIQUE INDEX customers_email_key ON public.customers USING btree (email)
CREATE INDEX idx_restaurants_cuisine_type ON public.restaurants USING btree (cuisine_type)
CREATE INDEX idx_restaurants_avg_rating ON public.restaurants USING btree (avg_rating)
CREATE UNIQUE INDEX menus_restaurant_id_key ON public.menus USING btree (restaurant_id)
CREATE INDEX idx_dishes_menu_id_is_available ON public.dishes USING btree (menu_id, is_available)
CREATE INDEX idx_dishes_category ON public.dishes USING btree (category)
CREATE INDEX idx_orders_customer_id_status ON public.orders USING btree (customer_id, status)
CREATE INDEX idx_orders_restaurant_id_order_time ON public.orders USING btree (restaurant_id, order_time)
CREATE INDEX idx_orders_driver_id_status ON public.orders USING btree (driver_id, status)
CREATE INDEX idx_orders_order_time ON public.orders USING btree (order_time)
CREATE UNIQUE INDEX drivers_phone_key ON public.drivers USING btree (phone)
CREATE UNIQUE INDEX drivers_license_number_key ON public.drivers USING btree (license_number)
CREATE INDEX idx_drivers_status ON public.drivers USING btree (status)
CREATE UNIQUE INDEX reviews_customer_id_restaurant_id_key ON public.reviews USING btree (customer_id, restaurant_id)
CREATE INDEX idx_reviews_restaurant_id_rating ON public.reviews USING btree (restaurant_id, rating)
";

const ENUMS: &str = "
driver_status 1 OFFLINE
driver_status 2 AVAILABLE
driver_status 3 BUSY
order_status 1 PENDING
order_status 2 CONFIRMED
order_status 3 PREPARING
order_status 4 READY
order_status 5 PICKED_UP
order_status 6 DELIVERED
order_status 7 CANCELLED
";

#[tokio::test]
async fn postgres_has_the_tables_of_the_erd() {
    on_postgres(|scratch| async move {
        let db = scratch.connect().await;
        migrate_steps(&db, erd_steps()).await.unwrap();
        let mut built: Vec<String> = schema(&db)
            .await
            .iter()
            .filter(|line| !line.contains("_pkey ON"))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let mut agreed: Vec<String> = [COLUMNS, CONSTRAINTS, INDEXES, ENUMS]
            .iter()
            .flat_map(|lines| lines.trim().lines().map(str::to_owned))
            .collect();
        built.sort();
        agreed.sort();
        assert_same(&built, &agreed, "the ERD");
    })
    .await;
}

/// Each table's columns with the types that carry the meaning over to SQLite, and which of them must not be null.
const SQLITE_COLUMNS: [(&str, &str); 8] = [
    (
        "customers",
        "id integer!,name varchar(100)!,email varchar(255)!,phone varchar(20),addresses jsonb_text,\
         created_at timestamp_with_timezone_text!,updated_at timestamp_with_timezone_text!",
    ),
    (
        "restaurants",
        "id integer!,name varchar(100)!,address varchar(255)!,phone varchar(20)!,cuisine_type varchar(50)!,\
         avg_rating real(2, 1)!,total_orders integer!,is_active boolean!,created_at timestamp_with_timezone_text!",
    ),
    ("menus", "id integer!,restaurant_id integer!,name varchar(100)!,description text"),
    (
        "dishes",
        "id integer!,menu_id integer!,name varchar(100)!,description text,price real(8, 2)!,\
         image_url varchar(255),is_available boolean!,category varchar(50)!",
    ),
    (
        "orders",
        "id integer!,customer_id integer!,restaurant_id integer!,driver_id integer,\
         order_time timestamp_with_timezone_text!,total_amount real(10, 2)!,delivery_fee real(6, 2)!,\
         status varchar(20)!,delivery_address jsonb_text!,customer_name varchar(100),restaurant_name varchar(100)",
    ),
    ("order_items", "order_id integer!,dish_id integer!,quantity integer!,unit_price real(8, 2)!"),
    (
        "drivers",
        "id integer!,name varchar(100)!,phone varchar(20)!,license_number varchar(50)!,vehicle_type varchar(50)!,\
         status varchar(20)!,current_lat real(10, 8),current_lng real(11, 8)",
    ),
    (
        "reviews",
        "id integer!,customer_id integer!,restaurant_id integer!,rating integer!,comment text,\
         created_at timestamp_with_timezone_text!",
    ),
];

#[tokio::test]
async fn sqlite_has_the_tables_of_the_erd() {
    crate::scratch::on_sqlite(|scratch| async move {
        let db = scratch.connect().await;
        migrate_steps(&db, erd_steps()).await.unwrap();
        for (table, columns) in SQLITE_COLUMNS {
            let described = format!("(select * from pragma_table_info('{table}') order by cid)");
            let built = value(&db, "group_concat(name || ' ' || lower(type) || iif(\"notnull\", '!', ''))", &described);
            assert_eq!(built.await, columns, "{table}");
        }
    })
    .await;
}
