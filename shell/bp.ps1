# bp for PowerShell 7.3 and later on Linux and macOS, 5.1 and later on Windows: tells bpd what is typed, in records of bp-proto's
# mailbox. shell/README.md is the contract. Everything is done inside PowerShell: no process is started, nothing is ever thrown.
# Only what 5.1 understands; what .NET Framework does not have stands in functions `…_unix`.

if ($env:BP_OFF -ne '1' -and
    -not (Get-Variable -Name __bizim -Scope Global -ErrorAction Ignore) -and
    (Test-Path Function:\PSConsoleHostReadLine)) {
    $global:__bizim = @{
        Read = ${function:PSConsoleHostReadLine}; Dir = $null; To = $null; Options = $null; Pipe = $null; User = $null
        Shell = $null; Stamp = 0; History = -1; Epoch = [DateTime]::new(1970, 1, 1, 0, 0, 0, [DateTimeKind]::Utc)
    }

    # `name version boot-id start actor parent`: who writes, in every record.
    function global:__bizim_identify([string] $Boot, [string] $Start) {
        # Who types: `BP_ACTOR`, else an agent or a CI by what they set for what they start. bp_proto::actor has the same lists.
        $actor = if ($env:BP_ACTOR -cmatch '^(human|ci|agent:.+)$') { $env:BP_ACTOR } else { '' }
        if (-not $actor -and $env:AI_AGENT) {
            $agent = $env:AI_AGENT.Split('@')[0]
            if ($agent) { $actor = 'agent:' + $agent.Substring(0, [Math]::Min(64, $agent.Length)) }
        }
        $unset = '', '0', 'false'
        $agents = @(
            'CLAUDECODE=claude-code', 'CURSOR_AGENT=cursor', 'CODEX_SANDBOX=codex', 'CODEX_THREAD_ID=codex',
            'GEMINI_CLI=gemini', 'OPENCODE=opencode', 'AUGMENT_AGENT=augment', 'CLINE_ACTIVE=cline',
            'GOOSE_TERMINAL=goose', 'QWEN_CODE=qwen', 'COPILOT_CLI=copilot'
        )
        foreach ($mark in $agents) {
            $named = $mark.Split('=')
            if (-not $actor -and $unset -cnotcontains [string] [Environment]::GetEnvironmentVariable($named[0])) {
                $actor = 'agent:' + $named[1]
            }
        }
        $systems = @(
            'CI', 'GITHUB_ACTIONS', 'GITLAB_CI', 'BUILDKITE', 'CIRCLECI', 'TRAVIS', 'JENKINS_URL', 'TEAMCITY_VERSION',
            'TF_BUILD', 'BITBUCKET_BUILD_NUMBER', 'APPVEYOR', 'DRONE'
        )
        foreach ($mark in $systems) {
            if (-not $actor -and $unset -cnotcontains [string] [Environment]::GetEnvironmentVariable($mark)) {
                $actor = 'ci'
            }
        }
        $actor = if ($actor) { $actor -replace '[^A-Za-z0-9:._-]', '_' } else { '-' }
        $parent = if ($env:BP_RUN) { $env:BP_RUN -replace '[^A-Za-z0-9]', '_' } else { '-' }
        $__bizim.Shell = "powershell $($PSVersionTable.PSVersion) $Boot $Start $actor $parent"
    }

    # A pipe of the user's own. (There is no bpd for Windows yet: nobody listens.)
    function global:__bizim_load_windows {
        $__bizim.User = [Security.Principal.WindowsIdentity]::GetCurrent().User
        $began = [Diagnostics.Process]::GetCurrentProcess().StartTime.ToFileTimeUtc()
        __bizim_identify '-' "$began"
        $__bizim.Pipe = "bp-$($__bizim.User.Value)"
    }

    # Where the records go; the same places in the same order as bp_proto::place, whatever the environment says.
    function global:__bizim_load_unix {
        if (-not ('IO.UnixFileMode' -as [Type])) { return } # Before 7.3 no file could be made for the user alone.
        $uid = [int](& 'id' '-u')
        $run =
            if ($env:BP_HOME) {
                if (-not $env:BP_HOME.StartsWith('/')) { return }
                "$env:BP_HOME/run"
            }
            elseif ([IO.Directory]::Exists("/run/user/$uid")) { "/run/user/$uid/bp" }
            elseif ([IO.Directory]::Exists('/dev/shm')) { "/dev/shm/bp-$uid" }
            else { "$HOME/.local/state/bp/run" }
        if (-not [IO.Directory]::Exists("$run/mail")) { & 'sh' '-c' 'umask 077 && mkdir -p -- "$1"' sh "$run/mail" }
        # Ours alone: the owner of a directory is not told by .NET, its test is.
        & 'sh' '-c' '[ -O "$1" ] && [ ! -L "$1" ]' sh $run
        if ($LASTEXITCODE -ne 0) { return }
        $boot = '-'
        $start = '-'
        if ([IO.File]::Exists("/proc/$PID/stat")) {
            $boot = [IO.File]::ReadAllText('/proc/sys/kernel/random/boot_id').Trim()
            # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
            $stat = [IO.File]::ReadAllText("/proc/$PID/stat")
            $start = $stat.Substring($stat.LastIndexOf(')') + 2).Split(' ')[19]
        }
        __bizim_identify $boot $start
        $options = [IO.FileStreamOptions]::new()
        $options.Mode = [IO.FileMode]::Append
        $options.Access = [IO.FileAccess]::Write
        $options.Share = [IO.FileShare]::ReadWrite
        # For the user alone, whatever the umask.
        $options.UnixCreateMode = [IO.UnixFileMode] 'UserRead, UserWrite'
        $__bizim.Options = $options
        $__bizim.Dir = "$run/mail"
        $__bizim.To = "$run/mail/$PID"
    }

    # Microseconds since 1970.
    function global:__bizim_micros([DateTime] $At) {
        [long](($At.ToUniversalTime() - $__bizim.Epoch).Ticks / 10)
    }

    function global:__bizim_deliver([string[]] $Fields) {
        if ($env:BP_OFF -eq '1') { return }
        $bytes = [Text.Encoding]::UTF8.GetBytes("`0" + ($Fields -join "`0") + "`0")
        if ($__bizim.Pipe) { __bizim_deliver_windows $bytes } else { __bizim_deliver_unix $bytes }
    }

    # Each record opens the file anew: bpd may have taken it away to read it.
    function global:__bizim_deliver_unix([byte[]] $Bytes) {
        if (-not [IO.Directory]::Exists($__bizim.Dir)) { return }
        $file = [IO.FileStream]::new($__bizim.To, $__bizim.Options)
        try { $file.Write($Bytes, 0, $Bytes.Length) } finally { $file.Dispose() }
    }

    # One frame of bp_proto::frame: the magic, the version, the kind (mail), the length, the pid, the records. Whoever is not
    # there at once is not waited for, nor, for longer than a blink, whoever does not read.
    function global:__bizim_deliver_windows([byte[]] $Bytes) {
        $head = [byte[]] (0x62, 0x70, 1, 2) + [BitConverter]::GetBytes([uint32] ($Bytes.Length + 4)) + [BitConverter]::GetBytes([uint32] $PID)
        $frame = [byte[]] ($head + $Bytes)
        $level = [Security.Principal.TokenImpersonationLevel]::Identification
        $pipe = [IO.Pipes.NamedPipeClientStream]::new('.', $__bizim.Pipe, [IO.Pipes.PipeDirection]::InOut, [IO.Pipes.PipeOptions]::Asynchronous, $level)
        try {
            $pipe.Connect(0)
            # Anybody may have made a pipe of that name.
            $access = if ($PSVersionTable.PSVersion.Major -lt 6) { $pipe.GetAccessControl() } else { [IO.Pipes.PipesAclExtensions]::GetAccessControl($pipe) }
            if ($access.GetOwner([Security.Principal.SecurityIdentifier]) -ne $__bizim.User) { return }
            $null = $pipe.WriteAsync($frame, 0, $frame.Length).Wait(20)
        }
        finally { $pipe.Dispose() }
    }

    # What the user keeps out of the history goes without its text; PSReadLine's own handler knows what looks secret.
    function global:__bizim_is_hidden([string] $Line) {
        if ($Line.StartsWith(' ')) { return $true }
        try { $handler = (Get-PSReadLineOption).AddToHistoryHandler } catch { return $false } # A reader of another kind.
        if ($null -eq $handler) { return $false }
        $kept = $handler.Invoke($Line)
        return ($kept -is [bool] -and -not $kept) -or ("$kept" -in 'SkipAdding', 'MemoryOnly')
    }

    # The line before has ended: PowerShell's own history says when, to the tick.
    function global:__bizim_end([bool] $Fine, $Native) {
        if ($__bizim.Stamp -eq 0) { return }
        $last = Get-History -Count 1
        $ended = if ($last -and $last.Id -ne $__bizim.History) { $last.EndExecutionTime } else { [DateTime]::UtcNow }
        $code = if ($Fine) { 0 } elseif ($Native) { [int] $Native } else { 1 }
        __bizim_deliver @('1E', $__bizim.Shell, "$($__bizim.Stamp)", "$code", "$(__bizim_micros $ended)", '')
        $__bizim.Stamp = 0
    }

    function global:__bizim_begin([string] $Line) {
        if ([string]::IsNullOrWhiteSpace($Line) -or $Line.TrimStart().StartsWith('#') -and -not $Line.Contains("`n")) { return }
        $last = Get-History -Count 1
        $__bizim.History = if ($last) { $last.Id } else { -1 }
        $__bizim.Stamp = __bizim_micros ([DateTime]::UtcNow)
        $how = if (__bizim_is_hidden $Line) { 'h' } else { 'x' }
        $text = if ($how -eq 'x') { $Line.Replace("`0", '') } else { '' }
        __bizim_deliver @('1S', $__bizim.Shell, "$($__bizim.Stamp)", $how, "$($PWD.ProviderPath)", '', $text)
    }

    # 5.1 runs on Windows alone, and has no variable that says so.
    try { if ($PSVersionTable.PSVersion.Major -lt 6 -or $IsWindows) { __bizim_load_windows } else { __bizim_load_unix } } catch { }

    if ($__bizim.To -or $__bizim.Pipe) {
        # `$?` first: every other statement overwrites it. The line is read as it would be without us.
        function global:PSConsoleHostReadLine {
            $fine = $?
            $native = $global:LASTEXITCODE
            try { __bizim_end $fine $native } catch { }
            # The reader looks at `$?` itself: what it finds there decides the colour of its prompt.
            if ($fine) { $line = & $__bizim.Read } else { Write-Error '' -ErrorAction Ignore; $line = & $__bizim.Read }
            try { __bizim_begin $line } catch { }
            $global:LASTEXITCODE = $native
            $line
        }
    }
}
