# shellcheck shell=bash
# Sourced by the other scripts: state folders, their locks, and the processes in them.
# shellcheck source=e2e/tools.sh
. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
# shellcheck disable=SC2034 # read by the scripts that source this one
root=${E2E_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/gimlet-e2e}

# state DIR: makes $D of it and takes its lock until the script ends. Keys and
# tokens are kept there, so it is for the owner alone.
state() {
	umask 077
	D=$(mkdir -p "$1"/{pid,log} && cd "$1" && pwd)
	exec 9>"$D/e2e.lock"
	flock 9
}

# known DIR: fails where no state was ever kept, so that nothing else is deleted by mistake.
known() { [ -f "$1/e2e.lock" ] || { echo "$1 holds no state of these scripts: not deleted" >&2; exit 1; }; }

free_ports() { # N loopback ports below the ephemeral range: none is taken by an outgoing connection while its server restarts
	python3 - "$1" <<'PY'
import random, socket, sys
ports = set()
while len(ports) < int(sys.argv[1]):
    port = random.randrange(20000, 32000)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            ports.add(port)
        except OSError:
            pass
print(*ports)
PY
}

# Each process has a log and a pid file, which also holds the time it started at:
# after a reboot its number may be another program's, which must not be signalled.
started_at() { # pid: its start time, unless it has ended
	local stat words
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
	read -ra words <<<"${stat##*) }"
	[ "${words[0]}" != Z ] && echo "${words[19]}"
}
pid_of() { # name: its pid, if it still runs
	local pid at
	read -r pid at 2>/dev/null <"$D/pid/$1" && [ "$(started_at "$pid")" = "$at" ] && echo "$pid"
}
alive() { pid_of "$1" >/dev/null; }

spawn() { # name argv...: does nothing where it runs already
	local name=$1
	shift
	! alive "$name" || return 0
	# A child that kept the lock's descriptor (9) would hold the lock for ever.
	(cd "$D" && exec setsid "$@" >>"$D/log/$name.log" 2>&1 </dev/null 9>&-) &
	echo "$! $(started_at $!)" >"$D/pid/$name"
}

stop() { # signal name...: signals all, waits, and kills what is left after 5 s
	local sig=$1 name pid i
	shift
	for name; do ! pid=$(pid_of "$name") || kill "-$sig" "$pid" 2>/dev/null || true; done
	for name; do
		for ((i = 0; i < 100; i++)); do alive "$name" || break; sleep 0.05; done
		! pid=$(pid_of "$name") || kill -KILL "$pid" 2>/dev/null || true
		rm -f "$D/pid/$name"
	done
}

status() { # name...: a line each; fails unless all of them run
	local name pid all=0
	for name; do
		if pid=$(pid_of "$name"); then printf '%-24s running, pid %s\n' "$name" "$pid"; else printf '%-24s not running\n' "$name"; all=1; fi
	done
	return $all
}

until_ok() { # what process command...: gives up when the process has ended
	local what=$1 process=$2 i
	shift 2
	for ((i = 0; i < 1200; i++)); do
		"$@" >/dev/null 2>&1 && { say "$what"; return; }
		alive "$process" || { echo "$what: $process has ended; the end of $D/log/$process.log:" >&2; tail -n 20 "$D/log/$process.log" >&2; exit 1; }
		sleep 0.1
	done
	echo "$what: not after two minutes; see $D/log" >&2
	exit 1
}

t0=$(date +%s%N)
say() { printf '%6d ms  %s\n' $((($(date +%s%N) - t0) / 1000000)) "$1"; }
usage() { sed -n '2,/^[^#]/{/^#/p;}' "$0"; exit 2; }
