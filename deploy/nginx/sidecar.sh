#!/bin/sh
# Runs nginx beside a server. TERM ends it in order, as a server: what is under way is answered
# (nginx by itself takes TERM as an order to drop everything, and QUIT as this one).
nginx -c /etc/nginx/nginx.conf -g 'daemon off;' &
trap 'kill -QUIT $!' TERM INT
while kill -0 $! 2>/dev/null; do
    wait $!
done
