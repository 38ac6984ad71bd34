# Rayline in an image: docker build -t rayline .  ·  docker run --rm -p 127.0.0.1:8000:8000 --shm-size=2g rayline rayline quickstart
#
# torch with CUDA: --build-arg TORCH_INDEX=https://pypi.org/simple, and run with --gpus all.
# Models and runs are kept in /home/ray/.rayline: mount a volume there. cluster.yaml can start its machines from it.
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY platform platform
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.11-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Ray's launcher copies files with rsync, and its HAProxy mode and profiling ask for process tools
RUN apt-get update \
 && apt-get install --yes --no-install-recommends procps rsync \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 ray
COPY requirements.lock /tmp/
COPY --from=wheel /dist /tmp/dist
RUN pip install --no-cache-dir --constraint /tmp/requirements.lock --extra-index-url "$TORCH_INDEX" \
    "$(ls /tmp/dist/rayline-*.whl)[s3]" && rm -r /tmp/dist
USER ray
WORKDIR /home/ray
ENV RAYLINE_HOME=/home/ray/.rayline RAY_USAGE_STATS_ENABLED=0
EXPOSE 8000
CMD ["rayline", "--help"]
