"""SuperBench's sb in people's words."""

from __future__ import annotations

TEXT = """
*sb version #once
    superbench version | version of superbench | which superbench is installed | sb version
sb -h #once
    superbench help | help for sb | sub-commands of superbench | what can sb do
**sb deploy -f {inventory}
    deploy to the hosts of {inventory} | set up all nodes in {inventory} | install superbench on {inventory} | deploy, host file {inventory} | prepare the machines of {inventory} | deploy superbench environments to all nodes in {inventory}
*sb deploy -f {inventory} -i {image}
    deploy image {image} to {inventory} | set up {image} on the hosts of {inventory} | deploy, image {image}, host file {inventory} | use docker image {image} on nodes of {inventory}, deploy
sb deploy -f {inventory} -i {image} --no-image-pull
    deploy local image {image} to {inventory} without pulling | deploy {image} on {inventory}, no image pull | set up {inventory} with the local {image}, don't pull
*sb deploy -l {hosts}
    deploy to hosts {hosts} | set up {hosts} | deploy on {hosts} | install superbench on {hosts}
sb deploy -l localhost #once
    deploy on this machine | deploy locally | set up localhost | deploy to localhost only
*sb deploy -l {hosts} --host-username {user}
    deploy to {hosts} as user {user} | set up {hosts}, login {user} | deploy on {hosts} with ssh user {user}
sb deploy -l {hosts} --host-username {user} --host-password {secret}
    deploy to {hosts} as {user} with password {secret} | set up {hosts}, user {user}, password {secret}
sb deploy -f {inventory} --private-key {key}
    deploy to {inventory} with ssh key {key} | set up {inventory} using private key {key}
sb deploy -f {inventory} -i {image} --docker-username {user} --docker-password {secret}
    deploy {image} to {inventory}, registry user {user}, registry password {secret} | deploy private image {image} on {inventory} with docker login {user} and password {secret}
sb deploy -f {inventory} --output-dir {outdir}
    deploy to {inventory} with output in {outdir} | set up {inventory}, logs to {outdir}
**sb exec -c {config} {out}
    execute the benchmarks of {config} on this machine | run benchmarks locally with {config} | exec {config} | execute {config} locally | run the suite here with config {config} | execute benchmarks locally, config {config}
*sb exec -c {config} -C superbench.enable={bench}
    execute only {bench} locally, config {config} | run just {bench} here with {config} | exec {config} with only {bench} enabled | locally run {bench} from {config}
sb exec -C superbench.enable={bench}
    execute only {bench} locally with the default config | run just {bench} on this machine | exec {bench} locally, default config
sb exec #once
    execute the default benchmarks locally | run the default suite on this machine | exec with default config
**sb run -f {inventory} -c {config} {out}
    run the benchmarks of {config} on {inventory} | run {config} on all nodes of {inventory} | benchmark the hosts of {inventory} with {config} | distributed run, config {config}, host file {inventory} | start {config} on {inventory} | run the suite on {inventory}, config {config}
*sb run -l {hosts} -c {config} {out}
    run {config} on {hosts} | benchmark {hosts} with config {config} | run benchmarks on {hosts}, config {config} | start {config} on hosts {hosts}
*sb run -l localhost -c {config}
    run {config} on localhost | run {config} on this node only via run | run benchmarks on localhost with {config}
*sb run -f {inventory} -c {config} -C superbench.enable={bench}
    run only {bench} of {config} on {inventory} | run just {bench} on the hosts of {inventory} with {config} | {bench} alone on {inventory}, config {config}
*sb run -f {inventory} -c {config} --no-docker
    run {config} on {inventory} without docker | run {config} on {inventory} on bare metal | no docker: run {config} on {inventory}
*sb run -f {inventory} -c {config} --get-info
    run {config} on {inventory} and collect system info | run {config} on {inventory} with node info too | run {config} on {inventory}, get info as well
sb run -l localhost -i {image}
    run the default benchmarks on localhost in image {image} | run on this node with docker image {image}, default config
sb run -l localhost -c {config} --no-docker
    run {config} on localhost without docker | run {config} on this node, bare metal, via run
sb run -l {hosts} -c {config} -C superbench.enable={bench}
    run only {bench} of {config} on {hosts} | run just {bench} on {hosts} with {config}
sb exec -c {config} -C superbench.enable={bench} --output-dir {outdir}
    execute only {bench} of {config} locally into {outdir} | locally run {bench} from {config}, results to {outdir}
sb exec -c {config} -C superbench.monitor.enable=true
    execute {config} locally with the monitor on | exec {config} overriding superbench.monitor.enable to true
sb benchmark list-parameters -n [a-z]+-bw #once
    parameters of benchmarks whose name ends in -bw | parameters of [a-z]+-bw
sb run -f {inventory} -c {config} -i {image}
    run {config} on {inventory} with image {image} | run {config} on {inventory} in docker image {image}
sb run -l {hosts} -c {config} --host-username {user}
    run {config} on {hosts} as user {user} | benchmark {hosts} with {config}, login {user}
sb run -l {hosts} -c {config} --host-username {user} --host-password {secret}
    run {config} on {hosts} as {user} with password {secret}
sb run -f {inventory} -c {config} --private-key {key}
    run {config} on {inventory} with ssh key {key} | run {config} on {inventory} using private key {key}
sb run -f {inventory} -c {config} -i {image} --docker-username {user} --docker-password {secret}
    run {config} on {inventory} from private image {image}, registry user {user}, registry password {secret}
sb run -f {inventory} #once
    run the default benchmarks on {inventory} | run the suite on {inventory} with the default config | default run on the nodes of {inventory}
*sb run-info -f {inventory} {out}
    collect system info of all nodes in {inventory} | system info of {inventory} | run-info for {inventory} | gather node information from the hosts of {inventory}
sb run-info -l {hosts}
    collect system info of {hosts} | system info of hosts {hosts} | run-info on {hosts}
sb run-info -f {inventory} -i {image} --no-image-pull
    collect system info of {inventory} with the local image {image}, no pull | run-info on {inventory}, image {image}, without pulling
sb run-info -l {hosts} --host-username {user}
    collect system info of {hosts} as user {user} | system info of {hosts}, login {user} | run-info on {hosts} with ssh user {user}
sb run-info -l {hosts} --host-username {user} --host-password {secret}
    collect system info of {hosts} as {user} with password {secret} | run-info on {hosts}, user {user}, password {secret}
sb run-info -f {inventory} --private-key {key}
    collect system info of {inventory} with ssh key {key} | run-info for {inventory} using private key {key}
sb run-info -f {inventory} -i {image} --docker-username {user} --docker-password {secret}
    collect system info of {inventory} with image {image}, registry user {user} and registry password {secret} | run-info for {inventory}, private image {image}, docker login {user}, password {secret}
sb run-info -f {inventory} -i {image}
    collect system info of {inventory} in image {image} | run-info for {inventory}, image {image}
**sb node info {out}
    node info | system info of this node | information about this machine | collect node information | hardware and software info of the local node | list of system info of the node
**sb benchmark list #once
    .benchmark list | list benchmarks | which benchmarks are there | all superbench benchmarks | available benchmarks | what can superbench measure | show every benchmark
*sb benchmark list -n [a-z]+-bw #once
    benchmarks whose name ends in -bw | list bandwidth benchmarks ([a-z]+-bw) | .benchmark list filtered by [a-z]+-bw
*sb benchmark list -n {bench}
    is there a benchmark {bench} | list benchmark {bench} | .benchmark list, name {bench} | find the benchmark {bench}
**sb benchmark list-parameters -n {bench}
    parameters of {bench} | {bench} parameters | which options does the benchmark {bench} take | list parameters of benchmark {bench} | arguments of {bench} | what can be set for {bench}
sb benchmark list-parameters #once
    parameters of all benchmarks | list parameters of every benchmark | list-parameters for everything
**sb result diagnosis -d {data} -r {rule} -b {base}
    diagnose {data} with {rule} and baseline {base} | find defective machines in {data}, rules {rule}, baseline {base} | which nodes are bad according to {data}, {rule}, {base} | diagnosis: data {data}, rule {rule}, baseline {base} | bad nodes in {data}? rules {rule}, baseline {base} | filter defective nodes in {data} by {rule} against {base}
*sb result diagnosis -d {data} -r {rule} -b {base} --output-file-format {dform}
    diagnose {data} with {rule} and {base}, output {dform} | diagnosis of {data} as {dform}, rules {rule}, baseline {base} | find bad nodes in {data} ({rule}, {base}) and write {dform}
sb result diagnosis -d {data} -r {rule} -b {base} --output-all
    diagnose {data} with {rule} and {base}, output all nodes | diagnosis of {data} for all nodes, not only bad ones, rules {rule}, baseline {base}
sb result diagnosis -d {data} -r {rule} -b {base} --decimal-place-value {places}
    diagnose {data} with {rule} and {base}, {places} decimals | diagnosis of {data} rounded to {places} decimal places, rules {rule}, baseline {base}
sb result diagnosis -d {data} -r {rule} -b {base} --output-dir {outdir}
    diagnose {data} with {rule} and {base} into {outdir} | diagnosis of {data}, rules {rule}, baseline {base}, output dir {outdir}
sb result diagnosis -d {data} -r {rule}
    diagnose {data} with {rule} | diagnosis of {data} by {rule}, no baseline | find bad nodes in {data} with rules {rule} only
**sb result summary -d {data} -r {rule}
    summarize {data} with {rule} | summary of {data}, rules {rule} | result summary: data {data}, rule {rule} | make a summary report of {data} by {rule} | sum up {data} using {rule}
*sb result summary -d {data} -r {rule} --output-file-format {sform}
    summary of {data} as {sform}, rules {rule} | summarize {data} with {rule}, output {sform} | {sform} summary of {data} by {rule}
sb result summary -d {data} -r {rule} --decimal-place-value {places}
    summary of {data} with {rule}, {places} decimals | summarize {data} by {rule}, rounded to {places} places
sb result summary -d {data} -r {rule} --output-dir {outdir}
    summary of {data} with {rule} into {outdir} | summarize {data} by {rule}, output dir {outdir}
**sb result generate-baseline -d {data} -sr {srule} -dr {rule}
    generate a baseline from {data} with summary rules {srule} and diagnosis rules {rule} | baseline from {data}, summary rule {srule}, diagnosis rule {rule} | make a baseline out of {data} ({srule}, {rule}) | create baseline: data {data}, summary rules {srule}, diagnosis rules {rule}
*sb result generate-baseline -d {data} -sr {srule}
    generate a baseline from {data} with summary rules {srule} | baseline from {data}, summary rule file {srule} | make a baseline of {data} by {srule}
sb result generate-baseline -d {data} -sr {srule} -dr {rule} -b {base}
    generate a baseline from {data} with {srule}, {rule} and previous baseline {base} | update baseline {base} from {data}, summary rules {srule}, diagnosis rules {rule}
sb result generate-baseline -d {data} -sr {srule} -dr {rule} --output-dir {outdir}
    baseline from {data} with {srule} and {rule} into {outdir} | generate baseline of {data}, summary rules {srule}, diagnosis rules {rule}, output dir {outdir}
sb result generate-baseline -d {data} -sr {srule} --decimal-place-value {places}
    baseline from {data} by {srule} with {places} decimals | generate baseline of {data}, rules {srule}, rounded to {places} places
sb exec -c {config} --debug
    execute {config} locally with debug output | exec {config}, debug logging | run {config} here in debug mode
sb exec -c {config} --verbose
    execute {config} locally, verbose | exec {config} with verbose logging
sb exec -c {config} --only-show-errors
    execute {config} locally, only show errors | exec {config} without warnings
sb run -f {inventory} -c {config} --verbose
    run {config} on {inventory} verbosely | run {config} on {inventory} with verbose logging
sb {group} -h
    help for sb {group} | options of sb {group} | how does sb {group} work | usage of sb {group}
"""
