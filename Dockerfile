# The images of the project; which packages each has is a part of deploy/apt-packages.txt.
#   programs  the gateway and the services, one image: docker run … programs room
#   operate   what is done to a stack: migrations, secrets, backups
#   mail      catches the mails of development
# Those of the tests are in tests/containers/Dockerfile.

FROM debian:bookworm-slim AS base
WORKDIR /backend
RUN echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io
COPY deploy/apt-packages.txt deploy/lib.sh deploy/packages deploy/
COPY proto/services.def proto/
RUN groupadd --system --gid 10001 backend \
    && useradd --system --uid 10001 --gid backend --home-dir /nonexistent --shell /usr/sbin/nologin backend

FROM base AS build
RUN deploy/packages build && rm -rf /var/cache/apt /var/lib/apt/lists
COPY CMakeLists.txt CMakePresets.json ./
COPY deploy/call deploy/call
COPY deploy/cmake deploy/cmake
COPY common common
COPY proto proto
COPY gateway gateway
COPY services services
RUN cmake --preset release -D BACKEND_TESTS=OFF && cmake --build build/release --target programs
COPY deploy deploy
COPY migrations migrations
RUN cmake --install build/release --prefix /usr/local --strip

FROM base AS operate
RUN deploy/packages operate && rm -rf /var/cache/apt /var/lib/apt/lists
COPY deploy/keys deploy/migrate deploy/secrets deploy/
COPY migrations migrations
# Volumes that are empty take what is here over: each reader's folder belongs to its user.
RUN mkdir /secrets && cd /secrets \
    && install -d -o backend -g backend -m 0700 auth gateway operator post room user \
    && install -d -o backend -g backend postgres
USER backend

FROM base AS mail
RUN deploy/packages mail && rm -rf /var/cache/apt /var/lib/apt/lists
USER backend
EXPOSE 1025
ENTRYPOINT ["python3", "-u", "-m", "aiosmtpd", "--nosetuid", "--listen", "0.0.0.0:1025", "--class", "aiosmtpd.handlers.Debugging", "stdout"]

FROM base AS programs
RUN deploy/packages run && rm -rf /var/cache/apt /var/lib/apt/lists
COPY --from=build /usr/local/lib/backend /usr/local/lib/backend
COPY --from=build /usr/local/share/backend/mail /usr/local/share/backend/mail
RUN install -d -o backend -g backend -m 0700 /var/mail/backend
ENV PATH=/usr/local/lib/backend:$PATH MAIL_TEMPLATES=/usr/local/share/backend/mail
USER backend
