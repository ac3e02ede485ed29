#!/bin/sh
# check.sh: ask authd whether a token is good, with curl alone.
#
#     ./check.sh orders <token           the policy's name; the token comes from stdin
#
# Prints the verdict as JSON. Exit code 0: valid, 1: a no, 2: could not ask.
set -eu
socket=${AUTHD_SOCKET:-/run/authd/authd.sock}

# The header comes from stdin too: what stands on a command line, every user of the host can read.
if ! answer=$(
        { printf 'Authorization: Bearer ' && cat; } |
                curl --silent --show-error --fail-with-body --max-time 5 --unix-socket "$socket" \
                        --header @- "http://localhost/v1/check?policy=$1"
); then
        printf '%s\n' "$answer" >&2
        exit 2
fi
printf '%s\n' "$answer"
case $answer in
'{"verdict":"valid",'*) exit 0 ;;
'{"verdict":"unavailable",'*) exit 2 ;;
esac
exit 1
