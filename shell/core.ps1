# What the hook for PowerShell does with lines. bp.psm1 loads it into the module when the first line is read.
#
# $record runs twice for each line. It is one long block, called by InvokeReturnAsIs, because calls are what costs here. In
# microseconds: a function or a cmdlet 30 to 90 (PowerShell builds a pipeline for it), a block some 20, a method of .NET 1.

[Diagnostics.DebuggerHidden()] param()

$private = [Reflection.BindingFlags] 'Instance, NonPublic'
$script:open = [Collections.Generic.List[object]]::new() # lines that have not ended, the outermost first
$script:childUser = '' # the last fields of the children's CPU time, and what they are in seconds
$script:childSystem = ''
$script:childTimes = ''
# Records that bpd has not confirmed, how many were sent, and the connections that wait for an answer.
$script:unconfirmed = [Collections.Generic.List[string]]::new()
$script:sent = 0
$script:since = 0
$script:calls = [Collections.Generic.List[object]]::new()
$script:answer = [byte[]]::new(8)
$script:readable = [Net.Sockets.SelectMode]::SelectRead
$script:success = [Net.Sockets.SocketError]::Success
$script:none = [Net.Sockets.SocketFlags]::None
$script:endpoint = if ($Socket) { [Net.Sockets.UnixDomainSocketEndPoint]::new($Socket) }
$script:request = $null
$script:utf8 = [Text.UTF8Encoding]::new($false)
$script:space = [char] ' '
$script:options = $null
$script:stat = if ([IO.File]::Exists('/proc/self/stat')) { [IO.FileStream]::new('/proc/self/stat', 'Open', 'Read', 'ReadWrite', 0) }
$script:statBytes = [byte[]]::new(1024)
$script:hasUsage = $PSVersionTable.PSVersion.Major -gt 7 -or $PSVersionTable.PSVersion.Minor -ge 5
$script:who = if ($stat) { '' } else { "powershell $($PSVersionTable.PSVersion) $Boot - $Origin" }

# The history that Get-History reads, without its pipeline. $null: this PowerShell has no such property, ask Get-History.
$script:history = $null
$script:getEntries = $null
$script:newestOne = [object[]] ([long] 0, [long] 1, [switch] $true)
$property = [runspace]::DefaultRunspace.GetType().GetProperty('History', $private)
if ($property) {
    $script:history = $property.GetValue([runspace]::DefaultRunspace)
    $script:getEntries = $history.GetType().GetMethod('GetEntries', $private, [type[]] ([long], [long], [switch]))
}
$script:stopped = [Management.Automation.Runspaces.PipelineState]::Stopped

# An unconfirmed record goes to the mailbox after this, in microseconds. A healthy bpd answers in a
# few milliseconds, on a machine with much to do in some tenths of a second.
$script:patience = 500000

# Records that a line starts (`IsStart`, with `Line` as it was read, and the newest entry of PSReadLine's history `Before`), or
# that the line before has ended, if PowerShell's history has a new entry or the next line is read (`IsReading`). `Fine`: `$?`.
$script:record = {
    [Diagnostics.DebuggerHidden()] param($IsStart, $Fine, $IsReading, $Line, $Before)
    if ($IsStart) {
        $script:wasPrompted = $false
        if ([string]::IsNullOrWhiteSpace($Line) -or $Line.TrimStart()[0] -eq [char] '#' -and -not $Line.Contains([char] "`n")) { return }
    }

    # $now is in microseconds since 1970, $times the CPU seconds of the shell and of its children. At a line's start the clock
    # is read first, at its end last: then no CPU time can lie outside the duration, however long the shell is paused.
    if ($IsStart -or -not $stat) { $ticks = [DateTime]::UtcNow.Ticks - 621355968000000000 }
    $times = ''
    if ($stat) {
        if ($hasUsage) { $usage = [Environment]::CpuUsage }
        $null = $stat.Seek(0, 'Begin')
        $length = $stat.Read($statBytes, 0, 1024)
        if (-not $IsStart) { $ticks = [DateTime]::UtcNow.Ticks - 621355968000000000 }
        # The name of the program, in brackets, may hold anything. Behind it stand field 3 and those that follow.
        $text = $utf8.GetString($statBytes, 0, $length)
        $fields = $text.Substring($text.LastIndexOf(')') + 2).Split($space, 21)
        if (-not [string]::Equals($fields[13], $childUser) -or -not [string]::Equals($fields[14], $childSystem)) {
            $script:childUser = $fields[13]
            $script:childSystem = $fields[14]
            $script:childTimes = "$([decimal] $childUser / 100) $([decimal] $childSystem / 100)"
        }
        if ($hasUsage) { $user = $usage.UserTime.TotalSeconds; $system = $usage.PrivilegedTime.TotalSeconds }
        else { $user = [decimal] $fields[11] / 100; $system = [decimal] $fields[12] / 100 }
        $times = "$user $system $childTimes"
        if (-not $who) { $script:who = "powershell $($PSVersionTable.PSVersion) $Boot $($fields[19]) $Origin" }
    }
    $now = ($ticks - $ticks % 10) / 10
    $level = $global:NestedPromptLevel
    $records = ''

    if (-not $IsStart) {
        while ($open.Count -and $open[$open.Count - 1][1] -gt $level) {
            # It left a nested prompt.
            $stamp = $open[$open.Count - 1][0]
            $open.RemoveAt($open.Count - 1)
            $records = "$records`01E`0$who`0$stamp`00`0$stamp`0`0"
        }
        $entry = $null
        if ($getEntries) {
            $entries = $getEntries.Invoke($history, $newestOne)
            if ($entries.Length) { $entry = $entries[0] }
        }
        else { $entry = Microsoft.PowerShell.Core\Get-History -Count 1 }
        $id = if ($entry) { $entry.Id } else { 0 }
        $isNew = $id -ne $lastId
        $script:lastId = $id
        $isOpen = $open.Count -and $open[$open.Count - 1][1] -eq $level
        if ($isOpen -and ($isNew -or $IsReading)) {
            $begun = $open[$open.Count - 1]
            $open.RemoveAt($open.Count - 1)
            $state = if ($isNew) { $entry.ExecutionStatus }
            $code = 0
            if (-not $Fine -or $state -eq $stopped) { $code = __bizim_get_status $Fine "$state" $begun[2] $begun[3] $begun[4] }
            $records = "$records`01E`0$who`0$($begun[0])`0$code`0$now`0$times`0"
        }
        $Line = if (-not $isOpen -and $isNew -and $entry) { $entry.CommandLine }
    }

    # A line that starts, or one that no reader of ours saw.
    if ($Line -and ($IsStart -or -not ([string]::IsNullOrWhiteSpace($Line) -or $Line.TrimStart()[0] -eq [char] '#' -and -not $Line.Contains([char] "`n")))) {
        # Whether the user lets it into the history. PSReadLine has asked its AddToHistoryHandler: its history tells.
        $isKept = $Line[0] -ne $space
        if ($isKept -and $null -ne $editor) {
            $choice = $editor::GetOptions()
            $items = $editor::GetHistoryItems()
            $last = if ($items.Length) { $items[$items.Length - 1] }
            if ($null -eq $saveNothing) {
                $script:saveNothing = [Enum]::Parse($choice.HistorySaveStyle.GetType(), 'SaveNothing')
            }
            if ($null -eq $sensitive -and $last) {
                $script:sensitive = $last.GetType().GetField('_sensitive', [Reflection.BindingFlags] 'Instance, NonPublic')
            }
            if ($choice.HistorySaveStyle -eq $saveNothing -or -not $last -or -not [string]::Equals($last.CommandLine, $Line)) {
                $isKept = $false
            }
            # The entry of an equal line before stands for a duplicate, unless duplicates are kept: then this one was refused.
            elseif (-not $choice.HistoryNoDuplicates -and [object]::ReferenceEquals($last, $Before)) { $isKept = $false }
            # MemoryOnly: it looks like a secret.
            elseif ($null -ne $sensitive) { $isKept = -not $sensitive.GetValue($last) }
            else { $isKept = $null -eq $choice.AddToHistoryHandler }
        }
        $text = if ($isKept) { $Line.Replace("`0", '') } else { '' }
        if ($IsStart) {
            # A line that opened a nested prompt goes on.
            if ($open.Count) { $records = "`01N`0$who`0$($open[$open.Count - 1][0])`0" }
            $code = $ExecutionContext.SessionState.PSVariable.GetValue('global:LASTEXITCODE')
            $open.Add(@($now, $level, $Line, $code, $global:Error[0]))
            $how = if ($isKept) { 'x' } else { 'h' }
            $records = "$records`01S`0$who`0$now`0$how`0$($global:PWD.ProviderPath)`0$times`0$text`0"
        }
        else {
            $script:isChained = $false
            $script:reader = $null
            $how = if ($isKept) { 'X' } else { 'H' }
            $stamp = __bizim_get_micros $entry.StartExecutionTime
            $code = __bizim_get_status $Fine "$($entry.ExecutionStatus)" $Line $native $newest
            $records = "$records`01S`0$who`0$stamp`0$how`0$directory`0`0$text`0`01E`0$who`0$stamp`0$code`0$(__bizim_get_micros $entry.EndExecutionTime)`0`0"
        }
    }
    if (-not $records -or [Environment]::GetEnvironmentVariable('BP_OFF') -eq '1') { return }

    # Takes the answers that have come, without waiting. What was refused, or has waited too long, goes to the mailbox too:
    # bpd knows a record by its stamp. `$isSilent`: bpd accepts connections and does not answer.
    $isSilent = $isLate = $false
    if ($calls.Count) {
        $isRefused = $false
        for ($at = $calls.Count - 1; $at -ge 0; $at--) {
            $connection, $covered, $null = $calls[$at]
            if (-not $connection.Poll(0, $readable)) { continue }
            $problem = $success
            $length = $connection.Receive($answer, 0, 8, $none, [ref] $problem)
            $connection.Dispose()
            $calls.RemoveAt($at)
            # Kind::Done.
            if ($length -ge 4 -and $answer[3] -eq 4) {
                $confirmed = $covered - ($sent - $unconfirmed.Count)
                if ($confirmed -gt 0) { $unconfirmed.RemoveRange(0, $confirmed) }
            }
            else { $isRefused = $true }
        }
        $isLate = $unconfirmed.Count -and ($isRefused -or $now - $since -gt $patience)
        $isSilent = $calls.Count -and $now - $calls[0][2] -gt $patience
    }
    if (-not $unconfirmed.Count) { $script:since = $now }
    $unconfirmed.Add($records)
    $script:sent++
    if (-not $isSilent -and -not $isLate -and $endpoint -and [Environment]::GetEnvironmentVariable('BP_TRANSPORT') -cne 'mailbox') {
        # One frame of bp_proto::frame on a connection of its own: magic, version, kind (mail), length, pid, records.
        # Unconfirmed records go along: two connections may be read in either order.
        $bytes = $utf8.GetBytes([string]::Concat("bp`u{1}`u{2}00000000", [string]::Concat($unconfirmed)))
        [BitConverter]::GetBytes([uint32] ($bytes.Length - 8)).CopyTo($bytes, 4)
        [BitConverter]::GetBytes([uint32] $PID).CopyTo($bytes, 8)
        if ($null -eq $request) {
            $script:request = [Net.Sockets.SocketAsyncEventArgs]::new()
            $request.RemoteEndPoint = $endpoint
        }
        $connection = [Net.Sockets.Socket]::new('Unix', 'Stream', 'Unspecified')
        # Connect would wait, or throw.
        if ($connection.ConnectAsync($request)) { $script:request = $null }
        elseif ($request.SocketError -eq $success) {
            $connection.Blocking = $false
            $problem = $success
            if ($connection.Send($bytes, 0, $bytes.Length, $none, [ref] $problem) -eq $bytes.Length) {
                $calls.Add(@($connection, $sent, $now))
                return
            }
        }
        # bpd did not take it at once.
        $connection.Dispose()
    }
    # The mailbox. The file is opened each time: bpd may have renamed it.
    if ($null -eq $options) {
        $script:options = [IO.FileStreamOptions]::new()
        $options.Mode = [IO.FileMode]::Append
        $options.Access = [IO.FileAccess]::Write
        $options.Share = [IO.FileShare]::ReadWrite
        $options.BufferSize = 0
        $options.UnixCreateMode = [IO.UnixFileMode] 'UserRead, UserWrite'
    }
    $bytes = $utf8.GetBytes([string]::Concat($unconfirmed))
    $unconfirmed.Clear()
    # `bpctl uninstall` has removed it, or a logout has.
    if (-not [IO.Directory]::Exists($Mail)) { return }
    $file = [IO.FileStream]::new("$Mail/$PID", $options)
    try { $file.Write($bytes, 0, $bytes.Length) } finally { $file.Dispose() }
}

function script:__bizim_get_micros {
    [Diagnostics.DebuggerHidden()] param([DateTime] $Moment)
    $ticks = $Moment.ToUniversalTime().Ticks - 621355968000000000
    ($ticks - $ticks % 10) / 10
}

# The exit code of a line: a program's own, 1 for a cmdlet or an exception, 130 if it was interrupted.
function script:__bizim_get_status {
    [Diagnostics.DebuggerHidden()] param([bool] $Fine, [string] $State, [string] $Line, $Before, $Newest)
    # Each program that ends stores a new object.
    $code = $ExecutionContext.SessionState.PSVariable.GetValue('global:LASTEXITCODE')
    $code = if ([object]::ReferenceEquals($code, $Before)) { 0 } else { $code -as [int] }
    if ($State -eq 'Stopped') { if ($code) { return $code } else { return 130 } }
    if ($Fine) { return 0 }
    if (-not $code) { return 1 }
    $failed = $global:Error[0]
    # ErrorActionPreference 'Stop' wraps the record in an exception.
    $id = "$($failed.FullyQualifiedErrorId)$($failed.ErrorRecord.FullyQualifiedErrorId)"
    $isProgram = $id -like 'ProgramExitedWithNonZeroCode*'
    if ($State -eq 'Failed') {
        if ($isProgram -and -not [object]::ReferenceEquals($failed, $Newest)) { return $code } else { return 1 }
    }
    if (__bizim_test_program_last $Line $Newest) { $code } else { 1 }
}

# Whether, of a program and a cmdlet that both failed in a line, the program is the later one.
function script:__bizim_test_program_last {
    [Diagnostics.DebuggerHidden()] param([string] $Line, $Newest)
    $at = -1
    foreach ($failed in $global:Error) {
        if ([object]::ReferenceEquals($failed, $Newest)) { break }
        if ("$($failed.FullyQualifiedErrorId)" -like 'ProgramExitedWithNonZeroCode*') { continue }
        # An error inside a function does not make the line fail.
        if (-not $failed.InvocationInfo -or "$($failed.ScriptStackTrace)".Contains("`n")) { continue }
        $lines = $Line.Split("`n")
        $at = $failed.InvocationInfo.OffsetInLine - 1
        for ($row = 0; $row -lt $failed.InvocationInfo.ScriptLineNumber - 1; $row++) { $at += $lines[$row].Length + 1 }
        break
    }
    $last = $null
    $isCommand = { [Diagnostics.DebuggerHidden()] param($node) $node -is [Management.Automation.Language.CommandAst] }
    foreach ($command in [Management.Automation.Language.Parser]::ParseInput($Line, [ref] $null, [ref] $null).FindAll($isCommand, $false)) {
        if ($at -ge 0 -and $command.Extent.StartOffset -gt $at -and (__bizim_test_program $command)) { return $true }
        $last = $command
    }
    if ($at -ge 0 -or $null -eq $last) { return $false }
    # No error was recorded (`-ErrorAction Ignore`): the last pipeline decides.
    $pipeline = $last.Parent
    foreach ($element in $pipeline.PipelineElements) { if (__bizim_test_program $element) { return $true } }
    # The right side of `&&` did not run.
    "$($pipeline.Parent.Operator)" -eq 'AndAnd'
}

function script:__bizim_test_program {
    [Diagnostics.DebuggerHidden()] param($Command)
    if ($Command -isnot [Management.Automation.Language.CommandAst]) { return $false }
    $name = $Command.GetCommandName()
    if (-not $name) { return $Command.CommandElements[0] -isnot [Management.Automation.Language.ScriptBlockExpressionAst] }
    $found = $ExecutionContext.InvokeCommand.GetCommand($name, 'All')
    if ($found.CommandType -eq 'Alias') { $found = $found.ResolvedCommand }
    "$($found.CommandType)" -in 'Application', 'ExternalScript'
}

$script:isReady = $true
