#!/bin/sh
# What the entry point of nginxinc/nginx-unprivileged does with what docker-compose.yml gives it: name servers, our own
# script, templates. A script that may not be executed is passed over, as there.
set -e

if [ "$1" = nginx ]; then
    if [ -n "${NGINX_ENTRYPOINT_LOCAL_RESOLVERS:-}" ]; then
        NGINX_LOCAL_RESOLVERS=$(awk '$1 == "nameserver" { printf "%s%s", between, $2; between = " " }' /etc/resolv.conf)
        export NGINX_LOCAL_RESOLVERS
    fi
    for script in /docker-entrypoint.d/*.envsh; do
        if [ -x "$script" ]; then . "$script"; fi
    done
    names=$(env | sed -n 's/=.*//p' | grep -E "${NGINX_ENVSUBST_FILTER:-.}" | sed 's/.*/${&}/' | tr '\n' ' ')
    for template in /etc/nginx/templates/*.template; do
        site=${template##*/}
        envsubst "$names" <"$template" >"/etc/nginx/conf.d/${site%.template}"
    done
fi
exec "$@"
