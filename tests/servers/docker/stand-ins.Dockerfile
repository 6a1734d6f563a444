# Images under the names that our Dockerfile and docker-compose.yml ask for, where none can be pulled: the real
# programs of NGINX, Loki and Prometheus, the OpenTelemetry Collector for Tempo, and small scripts for Grafana and n8n.
# User ids, folders and entry points are those of the real images.

# What the recorder is built from. Packages are the wheels in /wheels, and nothing is asked of a network.
FROM debian AS python
COPY wheels /wheels
RUN ln -s python3 /usr/bin/python \
    && rm /usr/lib/python3.11/EXTERNALLY-MANAGED \
    && printf '[global]\nno-index = true\nfind-links = /wheels\n' >/etc/pip.conf
CMD ["python3"]

FROM debian AS nginx
COPY --chmod=755 nginx-entrypoint.sh /docker-entrypoint.sh
RUN mkdir /docker-entrypoint.d && ln -sf /dev/stderr /var/log/nginx/error.log
USER 101:101
# Running answers may end.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]

FROM debian AS loki
COPY loki /usr/bin/loki
RUN install -d -o 10001 -g 10001 /loki
USER 10001:10001
ENTRYPOINT ["/usr/bin/loki"]

FROM debian AS tempo
COPY otelcol /otelcol
COPY --chmod=755 tempo.sh /tempo
RUN install -d -o 10001 -g 10001 /var/tempo
USER 10001:10001
ENTRYPOINT ["/tempo"]

FROM debian AS prometheus
COPY prometheus /bin/prometheus
RUN install -d -o 65534 -g 65534 /prometheus
USER 65534:65534
ENTRYPOINT ["/bin/prometheus"]

FROM debian AS grafana
RUN install -d -o 472 -g 472 /var/lib/grafana && install -d /www/api && echo '{"database": "ok"}' >/www/api/health
USER 472:472
STOPSIGNAL SIGINT
ENTRYPOINT ["python3", "-m", "http.server", "3000", "--directory", "/www"]

FROM debian AS n8n
COPY node /usr/local/bin/node
COPY --chmod=755 n8n.sh /usr/local/bin/n8n
RUN useradd --uid 1000 --create-home node && install -d -o 1000 -g 1000 /home/node/.n8n
USER 1000:1000
STOPSIGNAL SIGINT
ENTRYPOINT ["n8n"]
