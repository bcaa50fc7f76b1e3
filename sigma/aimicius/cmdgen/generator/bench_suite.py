"""Intents for SuperBench's `sb`; they are put to nodes of both vendors."""

from __future__ import annotations

from sigma.aimicius.cmdgen.generator.phrasing import Intent, intent


def _i(command: str, text: str) -> Intent:
    return intent(command, text, ("8xMI300X", "8xH100", "8xA100"), named=True)


INTENTS = (
    _i("sb version", """
        print the SuperBench version
        check which SuperBench release is installed
        = show SuperBench's version
        + find out the version of the SuperBench CLI
        + ! SuperBench version?"""),
    _i("sb benchmark list", """
        list all SuperBench benchmarks
        show which benchmarks SuperBench offers
        = print every available SuperBench benchmark
        + see the catalogue of SuperBench benchmarks
        + ! Which benchmarks does SuperBench have?"""),
    _i("sb benchmark list -n [a-z]+-{ending}", """
        list SuperBench benchmarks whose name is letters followed by -{ending} (regular expression [a-z]+-{ending})
        show SuperBench benchmarks matching [a-z]+-{ending}
        = list the benchmarks that fit [a-z]+-{ending} in SuperBench
        + which SuperBench benchmarks match the expression [a-z]+-{ending}: list them
        + ! SuperBench list, only names like [a-z]+-{ending}."""),
    _i("sb benchmark list-parameters -n {benchmark}", """
        list the parameters of the {benchmark} benchmark
        show which parameters SuperBench's {benchmark} takes
        = print the parameters of {benchmark} in SuperBench
        + see how SuperBench's {benchmark} can be configured
        + ! Parameters of {benchmark} in SuperBench?"""),
    _i("sb node info", """
        collect system information of this node
        show SuperBench's node information
        = get system info of the local node
        + gather the hardware and software inventory of this machine
        + ! Node information by SuperBench."""),
    _i("sb node info --output-dir {outdir}", """
        collect system information of this node into {outdir}
        save SuperBench's node information under {outdir}
        = store system info of the local node in {outdir}
        + gather this machine's inventory into the folder {outdir}
        + ! SuperBench node info, output folder {outdir}."""),
    _i("sb deploy -f {inventory}", """
        deploy SuperBench to the hosts in {inventory}
        set up the SuperBench environment on all machines of {inventory}
        = deploy to the inventory {inventory}
        + prepare every host listed in {inventory} for benchmarking
        + ! SuperBench deployment, hosts from {inventory}."""),
    _i("sb deploy -f {inventory} -i {image}", """
        deploy SuperBench with the image {image} to the hosts in {inventory}
        set up image {image} on all machines of {inventory}
        = deploy image {image} to the inventory {inventory}
        + bring the container {image} to every host listed in {inventory}
        + ! Deploy {image}, hosts from {inventory}."""),
    _i("sb deploy -l {hosts} --host-username {user}", """
        deploy SuperBench to the hosts {hosts} as user {user}
        set up SuperBench on {hosts}, logging in as {user}
        = deploy to {hosts} with host user {user}
        + prepare {hosts} for benchmarking, ssh user {user}
        + ! SuperBench deployment on {hosts}; the login is {user}."""),
    _i("sb deploy -f {inventory} -i {image} --no-image-pull", """
        deploy SuperBench to {inventory} from the local image {image} without pulling
        set up image {image} on the hosts of {inventory}, no image pull
        = deploy {image} to {inventory} and skip the pull
        + use the already present image {image} on every host in {inventory}, do not pull
        + ! Deploy {image} from local copies, inventory {inventory}."""),
    _i("sb run -f {inventory} -c {config}", """
        run the benchmarks in {config} on the hosts in {inventory}
        start SuperBench with config {config} on all machines of {inventory}
        ! Benchmark all nodes from {inventory}, configuration {config}.
        = run configuration {config} over the inventory {inventory}
        + benchmark every host listed in {inventory} as {config} says
        + ! SuperBench run: hosts {inventory}, config {config}."""),
    _i("sb run -l localhost -c {config}", """
        run the benchmarks in {config} on localhost
        start SuperBench with config {config} on this machine (host list localhost)
        = run configuration {config} with localhost as the host list
        + benchmark only localhost with {config}
        + ! SuperBench run, localhost, config {config}."""),
    _i("sb run -l {hosts} -c {config} --output-dir {outdir}", """
        run {config} on the hosts {hosts} and put results in {outdir}
        start SuperBench on {hosts} with config {config}, output directory {outdir}
        = run {config} over {hosts}, results to {outdir}
        + benchmark {hosts} as {config} says and collect results under {outdir}
        + ! SuperBench run: {hosts}, {config}, results in {outdir}."""),
    _i("sb run -f {inventory} -c {config} --no-docker", """
        run {config} on the hosts in {inventory} directly, without Docker
        start SuperBench with {config} on {inventory}, no docker
        = run {config} over {inventory} on bare hosts, not in Docker
        + benchmark the machines of {inventory} with {config} outside containers
        + ! SuperBench run without Docker: {inventory}, {config}."""),
    _i("sb run -f {inventory} -c {config} -C superbench.enable={benchmark}", """
        run only the {benchmark} benchmark of {config} on the hosts in {inventory}
        start SuperBench with {config} on {inventory}, overriding superbench.enable to {benchmark}
        = run {config} over {inventory} with superbench.enable={benchmark}
        + restrict {config} to {benchmark} by an override and run it on {inventory}
        + ! SuperBench run: {inventory}, {config}, superbench.enable overridden with {benchmark}."""),
    _i("sb run -f {inventory} -c {config} --get-info", """
        run {config} on {inventory} and collect system info as well
        start SuperBench with {config} on {inventory}, including system information
        = run {config} over {inventory} with get-info
        + benchmark {inventory} with {config} and have it gather system info too
        + ! SuperBench run plus system info: {inventory}, {config}."""),
    _i("sb exec -c {config}", """
        execute the benchmarks of {config} locally
        run {config} on this node only with exec
        = execute {config} on the local node
        + start the local execution of {config}
        + ! Local SuperBench execution of {config}."""),
    _i("sb exec -c {config} -C superbench.enable={benchmark}", """
        execute only {benchmark} of {config} locally
        run {config} locally with superbench.enable overridden to {benchmark}
        = execute {config} on the local node, superbench.enable={benchmark}
        + start a local execution of {config} restricted to {benchmark} by an override
        + ! Local SuperBench execution, {config}, superbench.enable={benchmark}."""),
    _i("sb exec -c {config} --output-dir {outdir}", """
        execute the benchmarks of {config} locally with results in {outdir}
        run {config} on this node only, output directory {outdir}
        = execute {config} on the local node into {outdir}
        + start the local execution of {config}, results under {outdir}
        + ! Local SuperBench execution of {config}, output in {outdir}."""),
    _i("sb result diagnosis -d {results} -r {rules} -b {baseline}", """
        diagnose {results} with the rules {rules} and the baseline {baseline}
        find defective machines in {results} using {rules} and baseline {baseline}
        = run a diagnosis of {results}, rules {rules}, baseline {baseline}
        + look for bad nodes in {results} by {rules}, compared with {baseline}
        + ! SuperBench diagnosis: data {results}, rules {rules}, baseline {baseline}."""),
    _i("sb result diagnosis -d {results} -r {rules} -b {baseline} --output-file-format {dform}", """
        diagnose {results} with rules {rules} and baseline {baseline}, report as {dform}
        find defective machines in {results} ({rules}, baseline {baseline}) and write {dform}
        = run a diagnosis of {results}, rules {rules}, baseline {baseline}, format {dform}
        + get a {dform} report of bad nodes in {results}: rules {rules}, baseline {baseline}
        + ! Diagnosis in {dform}: {results}, {rules}, {baseline}."""),
    _i("sb result diagnosis -d {results} -r {rules} -b {baseline} --output-all", """
        diagnose {results} with rules {rules} and baseline {baseline} and output all nodes
        report every node, not only defective ones, in a diagnosis of {results} ({rules}, {baseline})
        = run a diagnosis of {results}, rules {rules}, baseline {baseline}, all nodes in the output
        + include healthy nodes too when diagnosing {results} by {rules} against {baseline}
        + ! Diagnosis for all nodes: {results}, {rules}, {baseline}."""),
    _i("sb result summary -d {results} -r {rules}", """
        summarize {results} with the rules {rules}
        make a readable summary of {results} by {rules}
        = create a summary report of {results}, rules {rules}
        + condense {results} into a report as {rules} says
        + ! SuperBench summary: data {results}, rules {rules}."""),
    _i("sb result summary -d {results} -r {rules} --output-file-format {sform}", """
        summarize {results} with the rules {rules} as {sform}
        make a {sform} summary of {results} by {rules}
        = create a {sform} summary report of {results}, rules {rules}
        + condense {results} into a {sform} report as {rules} says
        + ! SuperBench summary in {sform}: {results}, {rules}."""),
    _i("sb result summary -d {results} -r {rules} --decimal-place-value {places}", """
        summarize {results} with rules {rules} and {places} decimal places
        make a summary of {results} by {rules} showing {places} decimals
        = create a summary of {results}, rules {rules}, {places} decimal places
        + condense {results} as {rules} says, figures with {places} decimals
        + ! SuperBench summary, {places} decimal places: {results}, {rules}."""),
)  # fmt: skip
