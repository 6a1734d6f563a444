# The recorder's image for amd64 and arm64, from the project's folder:
#
#   docker buildx bake --file deploy/docker-bake.hcl here     for the engine of this machine
#   IMAGE=registry.example/ollama-recorder docker buildx bake --file deploy/docker-bake.hcl --push
#
# All packages are wheels. The recorder itself is compiled, which takes long where the other platform's programs run by
# QEMU (binfmt): --set '*.args.COMPILED=false' leaves that out.

variable "IMAGE" {
  default = "ollama-recorder"
}

variable "VERSION" {
  default = "0.1.0"
}

group "default" {
  targets = ["recorder"]
}

target "recorder" {
  context    = "."
  dockerfile = "Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["${IMAGE}:${VERSION}", "${IMAGE}:latest"]
  labels = {
    "org.opencontainers.image.title"    = "Ollama Recorder"
    "org.opencontainers.image.version"  = "${VERSION}"
    "org.opencontainers.image.licenses" = "Apache-2.0"
  }
}

# Under the name that the stack uses, so that `docker compose up` builds none.
target "here" {
  inherits  = ["recorder"]
  platforms = []
  output    = ["type=docker"]
}
