#!/bin/sh
# Runs Redis for as long as somebody needs it.
#   usage: redis-guard.sh FOLDER COMMAND [ARGUMENT...] < lifeline
# Standard input is a pipe that every process in need of this Redis holds open. At its end of file, which comes also
# when they were all killed, Redis is asked to end (it writes its append-only file out), killed after ten seconds,
# and FOLDER, which holds its socket and its redis.pid, is deleted. When Redis ends by itself, this ends with its
# code and leaves FOLDER for the next one.
folder=$1
shift
exec 3<&0 </dev/null
# Whoever ends a terminal's foreground, or this guard, does not mean to part Redis from its guard.
trap '' HUP INT TERM

"$@" 3<&- &
redis=$!

# If the guard itself was killed, $redis may be another's number by now, unless Redis still claims it.
is_ours() {
  kill -0 $$ || [ "$(cat "$folder/redis.pid")" = "$redis" ]
}

{
  read -r _ <&3
  : >"$folder/ending"
  if is_ours; then
    kill -TERM "$redis"
    tries=0
    while kill -0 "$redis" && [ "$tries" -lt 50 ]; do
      sleep 0.2
      tries=$((tries + 1))
    done
    kill -KILL "$redis"
  fi
  kill -0 $$ || rm -rf "$folder"
} 2>/dev/null &
watcher=$!

wait "$redis"
code=$?
if [ -e "$folder/ending" ]; then
  wait "$watcher"
  rm -rf "$folder"
else
  kill -KILL "$watcher"
fi
exit "$code"
