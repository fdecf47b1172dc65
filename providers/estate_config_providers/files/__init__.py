"""Mounted secrets: Docker's `/run/secrets`, Kubernetes and CSI volumes."""

from __future__ import annotations

from estate_config.contract import Prober, ProviderSpec
from estate_config_providers.files.mounted_files import FilesOptions, MountedFiles

spec = ProviderSpec(
    name="files",
    title="mounted files",
    summary="One file per key in a folder: Docker secrets, Kubernetes and CSI volumes.",
    options=FilesOptions,
    build=MountedFiles,
    offers=(Prober,),
)
