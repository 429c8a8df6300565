# Sentences in English. Functions format numbers: PERCENT, DURATION (seconds), SIZE (MiB), CHANGE (ratio − 1), TIMES
# (ratio). A test sees to it that tr.ftl has the same keys and variables.

## Comments on a run

comment-lost = The end was never reported: the shell or the machine went away. The figures reach as far as the last sample.
comment-slower = Slower than usual: { DURATION($duration_s) } against a median of { DURATION($median_s) } ({ CHANGE($change) }){ $rank ->
    [1] , the slowest of { $runs }
   *[other] , rank { $rank } of { $runs } from the slowest
  }.
comment-contended = That may be the machine's doing: { $what ->
    [memory] something on it waited for memory { PERCENT($percent) } of the time, against a usual { PERCENT($usual) }
    [io] something on it waited for a disk { PERCENT($percent) } of the time, against a usual { PERCENT($usual) }
    [wait] the run waited for a CPU { PERCENT($percent) } of the time that it wanted one, against a usual { PERCENT($usual) }
   *[cpu] something on it waited for a CPU { PERCENT($percent) } of the time, against a usual { PERCENT($usual) }
  }.
comment-faster = Faster than usual: { DURATION($duration_s) } against a median of { DURATION($median_s) } ({ CHANGE($change) }){ $rank ->
    [1] , the fastest of { $runs }
   *[other] , rank { $rank } of { $runs } from the fastest
  }.
comment-mem-peak-high = { $against ->
    [machine] Memory peaked at { SIZE($rss_max_mb) }, { PERCENT($share) } of the machine's { SIZE($limit_mb) }.
   *[usual] Memory peaked at { SIZE($rss_max_mb) } against a usual { SIZE($limit_mb) } ({ CHANGE($change) }).
  }
comment-cpu-avg-high = Average CPU was { PERCENT($cpu_avg) }, above { PERCENT($threshold) }, over { DURATION($duration_s) } (100 % is one core).
comment-short-run-no-curve = Over in { DURATION($duration_s) }, too soon for a curve; the totals stand.

## A run against another

verdict-faster = Faster: { DURATION($current_s) } against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-slower = Slower: { DURATION($current_s) } against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-faster-by-cpu = Less work: { DURATION($current_s) } of CPU time against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-slower-by-cpu = More work: { DURATION($current_s) } of CPU time against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-similar = Similar: { DURATION($current_s) } against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-unclear = No clear difference: { DURATION($current_s) } against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-outside-usual = Outside the usual range: { DURATION($current_s) } against { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-not-comparable = The two runs cannot be compared.

reason-rough = Rough: this command has { $runs ->
    [0] no other comparable run yet
    [1] one other comparable run so far
   *[other] only { $runs } other comparable runs so far
  }, so its usual spread is not known.
reason-within-noise = The difference is within the noise.
reason-outside-usual = { $direction ->
    [fast] { $rank ->
        [1] The fastest of { $runs } runs
       *[other] Rank { $rank } of { $runs } from the fastest
      }
   *[slow] { $rank ->
        [1] The slowest of { $runs } runs
       *[other] Rank { $rank } of { $runs } from the slowest
      }
  }, outside the usual { DURATION($low_s) } to { DURATION($high_s) }; this command varies too much for a sure verdict.
reason-too-small = The difference is too small for a verdict.
reason-within-range = A run as long as this one is among the usual runs of this command.
reason-baseline-unusual = The baseline run was itself unusual.
reason-by-cpu = Elapsed time alone does not tell; CPU time, the quieter witness, does.
reason-more-cpu-work = It did more work: { CHANGE($change) } CPU time.
reason-less-cpu-work = It did less work: { CHANGE($change) } CPU time.
reason-less-parallel = It ran less in parallel: { PERCENT($current) } CPU on average against { PERCENT($baseline) }.
reason-more-parallel = It ran more in parallel: { PERCENT($current) } CPU on average against { PERCENT($baseline) }.
reason-more-waiting = It waited longer: { DURATION($current) } without CPU against { DURATION($baseline) }.
reason-less-waiting = It waited less: { DURATION($current) } without CPU against { DURATION($baseline) }.
reason-more-memory = It used more memory: { SIZE($current) } at its peak against { SIZE($baseline) } ({ CHANGE($change) }).
reason-less-memory = It used less memory: { SIZE($current) } at its peak against { SIZE($baseline) } ({ CHANGE($change) }).
reason-host-busy = The machine was busier during one of the two (load { NUMBER($current) } against { NUMBER($baseline) }), so elapsed time proves nothing.
reason-contended = Others pressed during one of the two: { $what ->
    [memory] something on the machine waited for memory { PERCENT($current) } of the time against { PERCENT($baseline) }
    [io] something on the machine waited for a disk { PERCENT($current) } of the time against { PERCENT($baseline) }
    [wait] the run waited for a CPU { PERCENT($current) } of the time that it wanted one against { PERCENT($baseline) }
   *[cpu] something on the machine waited for a CPU { PERCENT($current) } of the time against { PERCENT($baseline) }
  }, so elapsed time proves nothing.
reason-unfinished = One of the two did not finish.
reason-no-duration = The duration of one of the two is not known.
reason-exit-code = They ended with different exit codes ({ $current } and { $baseline }).
reason-args = They are different commands.
reason-place = They ran in different places.
reason-host = They ran on different hosts.
reason-hidden = The text of one of the two is hidden.

## Alerts

alert-cpu-high-firing = { $command }{ $placed ->
    [yes] {" "}in { $project }
   *[no] {""}
  } has used up to { PERCENT($peak) } CPU for { DURATION($above_s) } (threshold { PERCENT($threshold) }).
alert-cpu-high-ended = { $command }{ $placed ->
    [yes] {" "}in { $project }
   *[no] {""}
  } used up to { PERCENT($peak) } CPU; ended after { DURATION($above_s) } above { PERCENT($threshold) }.
alert-host-cpu-firing = The machine has used up to { PERCENT($peak) } CPU for { DURATION($above_s) } (threshold { PERCENT($threshold) }){ $named ->
    [yes] ; the command that burns most is { $command }
   *[no] {""}
  }.
alert-host-cpu-ended = The machine used up to { PERCENT($peak) } CPU; ended after { DURATION($above_s) } above { PERCENT($threshold) }{ $named ->
    [yes] ; the command that burned most was { $command }
   *[no] {""}
  }.

alert-title-cpu-high = High CPU: { $command }
alert-title-host-cpu = The machine is busy
alert-no-command = one command
alert-open = Open run

## Questions that have no answer

refused-store-failed = the store failed
refused-limit = `limit` is { $limit }; it may be 1 to { $most }
refused-step = `step` is 0
refused-max-points = `max_points` is 0
refused-cwd = `cwd` is not an absolute directory
refused-cursor = `before` is not a cursor: { $cursor }
refused-actor = `actor` is no actor: { $actor }
refused-abandoned = the search was ended because its client has gone
refused-zone = Unknown time zone `{ $zone }`
refused-terms = A search of { $terms } terms; { $most } is the limit
refused-field = Unknown field `{ $field }` at character { $at } of the search
refused-value = In `{ $term }`, at character { $at } of the search: { $field } wants { $wanted ->
    [exit] an exit code
    [state] running, stopped, background, finished, left or lost
    [id] an id
    [cwd] an absolute directory; bpctl resolves `.`
    [actor] human, ci, agent or agent:NAME
    [duration] a duration
    [percent] a percentage
    [size] a size
    [time] an age, a day, a time or a range of them
    [yes] yes or no
   *[value] a value
  }
refused-selector = { $selector } names no run
refused-own-baseline = run { $run } cannot be its own baseline
refused-run = there is no run { $selector }
refused-no-run = no run matches { $selector }
refused-baseline = there is no { $selector } of this command before run { $run }
refused-ambiguous = { $prefix } begins the ULID of several runs

hint-log = the bpd log says why
hint-pages = ask for further pages with `before`
hint-newest = leave it out for the newest 50
hint-every-sample = 1 gives every sample
hint-all-points = leave it out for all points
hint-cwd = for example cwd=/home/me/app
hint-cursor = it is the id of the last run of the page before, or the cursor of its Link header
hint-actor = it is human, ci, agent or agent:NAME
hint-abandoned = ask again
hint-zone = For example Europe/Istanbul
hint-terms = Leave some out
hint-fields = Fields are { $fields }. For the text itself: { $quoted }
hint-example = For example { $example }
hint-selectors = a run is named by its id, a ULID prefix, latest, latest-success, latest-failed, running, slowest, fastest, median, @TAG; latest…, slowest, fastest and median may have a search: 'slowest{"{"}SEARCH{"}"}'; each with ~N to step back
hint-candidates = the newest runs: { $runs }
hint-nothing-recorded = nothing is recorded yet
hint-no-baseline = no other run of “{ $command }” has succeeded that it could be compared with: run it once more, or name another run by its id
hint-ambiguous = it may be { $ids }

## What does not work as it should

trouble-alerts-off = alerts have failed and are off, see the bpd log
trouble-config-unreadable = cannot read { $path }: { $why }
trouble-config-syntax = this is no TOML: { $message }
trouble-config-unknown-key = there is no key `{ $key }`; here are { $known }
trouble-config-table = is a table: write { $written }
trouble-config-flag = is true or false
trouble-config-number = is a number from { $low } to { $high }
trouble-config-text = is a text in quotes
trouble-config-texts = is a list of texts in brackets: ["…", "…"]
trouble-config-texts-quoted = is a list of texts in quotes
trouble-config-scale = is "core" (100 = one core) or "host" (100 = all)
trouble-config-lang = is "tr" or "en"
trouble-config-log = is one of { $levels }, or PART=LEVEL pairs such as "bpd::ipc=debug,info"
trouble-config-address = is a port or a loopback address with a port, as in "127.0.0.1:7717"
trouble-config-address-elsewhere = is a port or a loopback address with a port, as in "127.0.0.1:7717"; bp never listens where another machine could reach it
trouble-config-patterns = has at most { $most } patterns
trouble-config-pattern-size = has patterns of 1 to { $most } bytes
trouble-config-pattern = has a pattern that cannot be read: { $why }
trouble-config-dirs = has at most { $most } directories
trouble-config-dir = has absolute paths, or such as begin with ~/
trouble-config-dir-home = needs a home directory for ~; set HOME
trouble-config-more = and { $count } more
trouble-disk-full = the disk of { $dir } is full; nothing is recorded until there is room on it
trouble-disk-nearly-full = the disk of { $dir } is nearly full; curves are kept in memory only until there is room on it
trouble-file-moved = { $path } was of no use and is now { $to } ({ $why })
trouble-index-failed = the index failed and was rebuilt from the journal ({ $why })
trouble-index-in-memory = the index is kept in memory: { $why }
trouble-index-lost = the index cannot be rebuilt: { $why }
trouble-index-rebuilt = the index did not fit the journal and was rebuilt from it ({ $why })
trouble-journal-damaged = the journal is damaged in { $places } places; { $bytes } bytes of it were skipped
trouble-journal-unreadable = { $records } records of the journal do not read and were skipped
trouble-not-erased = the text of a deleted run could not be erased: { $why }
trouble-old-config = the old config stays in effect: { $why }
trouble-port-taken = port { $port } is taken; the page and the API are at http://{ $address } instead
trouble-program-replaced = another build of bpd is installed at { $path } than the one that runs; `bpctl daemon restart` starts it
trouble-record-damaged = a record of run { $run } is damaged: { $why }
trouble-store-unwritable = nothing can be written to { $dir }: { $why }; what is stored can be read, and recording goes on when it can be written
trouble-vanished = { $dir } has vanished; no shell finds bpd
