#!/usr/bin/env bash
# A Gitea on loopback, as the git host of tests and of the demo.
#   gitea.sh up [DIR]        start it; DIR/env says where it is and how to sign in as administrator
#   gitea.sh status [DIR]    say whether it runs
#   gitea.sh down [DIR]      stop it (the state stays)
#   gitea.sh destroy [DIR]   stop it at once and delete its state
# DIR is $E2E_STATE/gitea, else ~/.cache/gimlet-e2e/gitea. DIR/env sets GITEA_URL, GITEA_SSH,
# GITEA_USER, GITEA_PASSWORD and GITEA_TOKEN; all are made here, none is in the checkout.
set -euo pipefail
# shellcheck source=e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config() { # for every start: the secrets of the first one, the tools of this one
	[ -f "$D/secrets" ] || printf 'SECRET_KEY=%s\nINTERNAL_TOKEN=%s\nJWT_SECRET=%s\nPASSWORD=%s\n' \
		"$(openssl rand -hex 32)" "$(openssl rand -hex 48)" "$(openssl rand 32 | base64 | tr '+/' '-_' | tr -d '=')" "$(openssl rand -hex 12)" >"$D/secrets"
	# shellcheck source=/dev/null
	. "$D/secrets"
	cat >"$D/app.ini" <<INI
APP_NAME = e2e
RUN_MODE = prod
RUN_USER = $(id -un)
WORK_PATH = $D
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = $HTTP
ROOT_URL = http://127.0.0.1:$HTTP/
LOCAL_ROOT_URL = http://127.0.0.1:$HTTP/
STATIC_ROOT_PATH = $tools/gitea
START_SSH_SERVER = true
SSH_LISTEN_HOST = 127.0.0.1
SSH_DOMAIN = 127.0.0.1
SSH_LISTEN_PORT = $SSH
SSH_PORT = $SSH
BUILTIN_SSH_SERVER_USER = git
LFS_START_SERVER = false
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = $D/gitea.db
SQLITE_JOURNAL_MODE = WAL
LOG_SQL = false
[security]
INSTALL_LOCK = true
SECRET_KEY = $SECRET_KEY
INTERNAL_TOKEN = $INTERNAL_TOKEN
PASSWORD_HASH_ALGO = pbkdf2_v2
[oauth2]
JWT_SECRET = $JWT_SECRET
[service]
DISABLE_REGISTRATION = true
[repository]
DEFAULT_BRANCH = main
ENABLE_PUSH_CREATE_USER = true
[webhook]
ALLOWED_HOST_LIST = loopback
[migrations]
ALLOW_LOCALNETWORKS = true
[cron]
ENABLED = false
[actions]
ENABLED = false
[packages]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = console
LEVEL = warn
INI
}

healthy() { curl -fsS --max-time 5 "http://127.0.0.1:$HTTP/api/healthz"; }

up() {
	need openssl python3 curl flock setsid git
	if [ ! -f "$D/ports" ]; then
		read -r a b < <(free_ports 2)
		printf 'HTTP=%s\nSSH=%s\n' "$a" "$b" >"$D/ports"
	fi
	# shellcheck source=/dev/null
	. "$D/ports"
	if [ -f "$D/stamp" ] && [ "$(cat "$D/stamp")" = "$tools" ]; then
		if alive gitea && healthy >/dev/null 2>&1; then say "gitea in $D is up"; return; fi
	else
		stop TERM gitea # what runs was started from other tools
	fi
	config
	# Gitea refuses root unless told otherwise; this one serves tests on loopback alone.
	export GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT=true GITEA_WORK_DIR=$D HOME=$D
	g() { "$bin/gitea" --config "$D/app.ini" "$@"; }
	if [ ! -f "$D/env" ]; then
		rm -f "$D"/gitea.db* # of a first start that was cut short
		g migrate >"$D/log/setup.log" 2>&1
		g admin user create --admin --username e2e --password "$PASSWORD" --email e2e@example.com --must-change-password=false >>"$D/log/setup.log" 2>&1
		# It prints warnings on stdout too.
		token=$(g admin user generate-access-token --username e2e --token-name e2e --scopes all --raw 2>>"$D/log/setup.log" | grep -oE "[0-9a-f]{40}$")
		printf 'GITEA_URL=http://127.0.0.1:%s\nGITEA_SSH=ssh://git@127.0.0.1:%s\nGITEA_USER=e2e\nGITEA_PASSWORD=%s\nGITEA_TOKEN=%s\n' "$HTTP" "$SSH" "$PASSWORD" "$token" >"$D/env.tmp"
		mv "$D/env.tmp" "$D/env"
	fi
	spawn gitea "$bin/gitea" --config "$D/app.ini" web
	until_ok "gitea ready" gitea healthy
	echo "$tools" >"$D/stamp"
}

destroy() {
	stop KILL gitea
	rm -rf "$D"
}

dir=${2:-$root/gitea}
case ${1-} in
up) build; state "$dir"; up ;;
down) state "$dir"; stop TERM gitea ;;
destroy) [ -d "$dir" ] || exit 0; known "$dir"; state "$dir"; destroy ;;
status) [ -d "$dir/pid" ] || { echo "no Gitea in $dir"; exit 1; }; D=$dir; status gitea ;;
*) usage ;;
esac
