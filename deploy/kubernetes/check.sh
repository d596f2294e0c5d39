#!/bin/sh
# Every manifest by Kubernetes' own schemas, with no member that they do not know, for the oldest
# version that is looked after and a new one. tests/system/deploy/test_kubernetes.py sees whether they fit
# together. kustomize's own files have no schema in a cluster: kubectl reads them, where it is.
set -eu
validate="$(dirname "$PYTHON")/kubernetes-validate"
manifests=$(find deploy/kubernetes -name '*.yaml' ! -name kustomization.yaml | sort)
for version in 1.33 1.35; do
    # shellcheck disable=SC2086
    "$validate" --strict --quiet --kubernetes-version "$version" $manifests
done
if command -v kubectl >/dev/null; then
    for part in prepare server sentry; do
        kubectl kustomize "deploy/kubernetes/$part" >/dev/null
    done
else
    echo "kubectl kustomize: not looked at, there is no kubectl here"
fi
