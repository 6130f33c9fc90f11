#!/bin/sh
# Runs Redis for as long as somebody needs it.
#   usage: redis-guard.sh FOLDER SECONDS COMMAND [ARGUMENT...] < lifeline
# Standard input is a pipe that every process in need of this Redis holds open. At its end of file, which comes also
# when they were all killed, Redis is asked to end (it writes its append-only file out), killed after SECONDS,
# and FOLDER, which holds its socket and its redis.pid, is deleted. When Redis ends by itself, this ends with its
# code and leaves FOLDER for the next one.
folder=$1
most_tries=$(($2 * 5))
shift 2
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
    while kill -0 "$redis" && [ "$tries" -lt "$most_tries" ]; do
      sleep 0.2
      tries=$((tries + 1))
    done
    kill -KILL "$redis"
  fi
  # In one step, so that what follows below sees all of the folder or none of it.
  mv "$folder" "$folder.old" && rm -rf "$folder.old"
} 2>/dev/null &
watcher=$!

wait "$redis"
code=$?
if [ -e "$folder/ending" ] || [ ! -d "$folder" ]; then
  wait "$watcher"
else
  kill -KILL "$watcher"
fi
exit "$code"
