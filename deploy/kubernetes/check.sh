#!/bin/sh
# Every manifest by its schema, with no member that it does not know: the files, and where kubectl is,
# what it makes of each folder. tests/system/deploy/test_kubernetes.py sees whether they fit together.
# The schemas of the Gateway API (1.6.1) and of the AWS Load Balancer Controller (3.5.0) are beside this
# file; the rules that they have in CEL are not looked at: no cluster is here.
set -eu
manifests=$(find deploy/kubernetes -name '*.yaml' ! -name kustomization.yaml | sort)
# shellcheck disable=SC2086
"$PYTHON" -m tools.manifests $manifests
# With the packages for development on Linux.
PATH=$(dirname "$PYTHON"):$PATH
if command -v kubectl >/dev/null; then
    for part in prepare server canary sentry eks eks/prepare watching; do
        made=$(kubectl kustomize "deploy/kubernetes/$part")
        echo "$made" | "$PYTHON" -m tools.manifests -
    done
else
    echo "kubectl kustomize: not looked at, there is no kubectl here"
fi
echo "Not checked here: the rules in CEL, and whether a cluster accepts the manifests."
