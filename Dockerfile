# One image for every service: `docker run <image> poller`, `... streams`, `... sink` and so on.
# Every package is installed by hash; the tools that build the wheel stay behind in their stage.

FROM python:3.11-slim AS wheel
WORKDIR /source
COPY requirements-dev.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:3.11-slim AS packages
RUN python -m venv /opt/protiv
COPY requirements.txt ./
RUN /opt/protiv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY --from=wheel /wheel /wheel
RUN /opt/protiv/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /home/protiv --uid 10001 protiv \
    && mkdir /data && chown protiv /data
COPY --from=packages /opt/protiv /opt/protiv
COPY LICENSE NOTICE /usr/share/doc/protiv-buildertrend/
ENV PATH=/opt/protiv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json
# By number: a platform that lets no root run can tell, and needs no look into the image.
USER 10001
WORKDIR /home/protiv
ENTRYPOINT ["protiv-buildertrend"]
CMD ["--help"]
