#!/bin/sh
# Writes a story through a running app with curl, sed and awk. Ctrl-C stops the story.
#
#   sh examples/write_story.sh "a robot who learns to paint" 2000 7     # premise, words, seed; the last two may be left out
#   SERVER=https://owner-name.hf.space sh examples/write_story.sh "a fox" > fox.txt
#
# The story goes to standard output when it is over, how far it is to standard error until then. It belongs to the server:
# if this script is killed, the story is at the address that was said first.
set -u
SERVER=${SERVER:-http://127.0.0.1:7860}
SERVER=${SERVER%/}
[ $# -ge 1 ] || { echo "usage: sh write_story.sh PREMISE [WORDS] [SEED]" >&2; exit 2; }

# The text of $1 inside a string of JSON.
quoted() {
    printf '%s\n' "$1" | tr -d '\r' | sed -e 's/[\\"]/\\&/g' -e "s/$(printf '\t')/\\\\t/g" | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
}

# The value of the field $2 in the JSON $1. Quotation marks inside a text have a backslash before them, so it is never one there.
field() {
    printf '%s\n' "$1" | sed -n "s/.*\"$2\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}

# ask ENDPOINT JSON: what the app answers, as a line of JSON. Every call has two steps: it gives an event, and the event the answer.
ask() {
    call="$SERVER/gradio_api/call/v2/$1"
    said=$(curl -sS "$call" -H 'Content-Type: application/json' -d "$2") || return 2
    event=$(field "$said" event_id)
    [ -n "$event" ] || { echo "$said" >&2; return 2; }
    said=$(curl -sS "$call/$event") || return 2
    case $said in
        *"event: error"*) printf '%s\n' "$said" | sed -n -e 's/^data: {"error": "\(.*\)", "duration".*/\1/' -e 's/^data: //' -e '/^event/!p' >&2; return 2 ;;
    esac
    printf '%s\n' "$said" | sed -n 's/^data: //p'
}

request="\"premise\": \"$(quoted "$1")\""
[ -z "${2:-}" ] || request="$request, \"words\": \"$(quoted "$2")\""
[ -z "${3:-}" ] || request="$request, \"seed\": \"$(quoted "$3")\""
story=$(ask start_story "{$request}") || exit 2
id=$(field "$story" id)
key=$(field "$story" key)
echo "$SERVER/?story=$id" >&2

stop() {
    ask stop_story "{\"id\": \"$id\", \"key\": \"$key\"}" > /dev/null
    echo "Stopped. What was written is at $SERVER/?story=$id" >&2
    exit 130
}
trap stop INT TERM

failed=0
while :; do
    # Beyond its end a story has no text, so that an answer is short.
    if story=$(ask get_story "{\"id\": \"$id\", \"offset\": 10000000}"); then
        failed=0
        state=$(field "$story" state)
        echo "$state: $(field "$story" words) of $(field "$story" target_words) words" >&2
        case $state in
            finished | stopped | interrupted | failed) break ;;
            paused)
                [ "$(field "$story" finish_reason)" = segment ] || break
                ask resume_story "{\"id\": \"$id\", \"key\": \"$key\"}" > /dev/null # where GPUs are lent, the next piece
                ;;
        esac
    else
        failed=$((failed + 1)) # the network may come back, and the story goes on meanwhile
        [ "$failed" -lt 30 ] || exit 2
    fi
    sleep 1 &
    wait $! # so that Ctrl-C is heard at once
done
curl -sS "$SERVER/stories/$id/story.txt"
[ "$state" = finished ]
