#!/usr/bin/env bash
# Installs what the compatibility tests talk to: Apache ZooKeeper 3.9.5 (Maven Central), Debian's 3.8.0 server and
# scripts, kazoo, the C client, Chromium, Prometheus's Python parsers; Curator (Maven Central) and, where there is a Go,
# go-zookeeper and Prometheus's decoders. Needs root for Debian's packages; does nothing where everything is there already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

packages=(zookeeper zookeeper-bin libzookeeper-mt-dev python3-kazoo python3-prometheus-client default-jdk-headless maven gcc libc6-dev chromium)
missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
# A Java, a Maven or a Chromium that did not come from Debian's packages serves as well.
command -v javac >/dev/null && missing=("${missing[@]/default-jdk-headless/}")
command -v mvn >/dev/null && missing=("${missing[@]/maven/}")
command -v chromium >/dev/null && missing=("${missing[@]/chromium/}")
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sed '/^$/d')
if ((${#missing[@]} > 0)); then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

jars=$here/.peers/apache-3.9.5
if [ ! -f "$jars/zookeeper-3.9.5.jar" ]; then
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars.part"
  rm -rf "$jars" && mv "$jars.part" "$jars"
fi
curator=$here/.peers/curator
if [ ! -d "$curator" ]; then
  mvn -q -B -f "$here/clients/curator/pom.xml" dependency:copy-dependencies -DoutputDirectory="$curator.part"
  mv "$curator.part" "$curator"
fi
if command -v go >/dev/null; then
  go -C "$here/clients/go" mod download || echo 'go-zookeeper is left out: its module could not be downloaded'
  (cd "$here/clients/expfmt" && go build -o /dev/null .) || echo 'expfmt is left out: its modules could not be downloaded'
fi
