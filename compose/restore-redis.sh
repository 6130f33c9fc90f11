#!/bin/sh
# Puts a backup into the place of what a stopped Redis holds: sh restore-redis.sh < backup.rdb, in its data folder.
# What was there stays as appendonlydir.replaced.
set -eu
if [ -e appendonlydir.replaced ]; then
  echo 'appendonlydir.replaced is there from an earlier time: delete it first' >&2
  exit 1
fi
cat > dump.rdb
if [ "$(head -c 5 dump.rdb)" != REDIS ]; then
  rm dump.rdb
  echo 'this is no backup of Redis: it has to begin with REDIS' >&2
  exit 1
fi
if [ -e appendonlydir ]; then mv appendonlydir appendonlydir.replaced; fi

# Where an append-only file is wanted, Redis reads nothing else. So it starts without, and is told to write one.
redis-server --appendonly no --save '' --port 0 --unixsocket "$PWD/restore.sock" --loglevel warning >&2 &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
ask() { redis-cli -s "$PWD/restore.sock" "$@"; }
tries=0
until ask ping 2> /dev/null | grep -q PONG; do
  tries=$((tries + 1))
  if [ $tries -gt 3000 ] || ! kill -0 $server; then exit 1; fi
  sleep 0.2
done
ask config set appendonly yes > /dev/null
while ask info persistence | grep -qE '^aof_rewrite_(in_progress|scheduled):1'; do sleep 0.2; done
ask info persistence | grep -q '^aof_last_bgrewrite_status:ok'
echo "restored $(ask dbsize) keys"
ask shutdown
trap - EXIT
wait $server
rm dump.rdb
