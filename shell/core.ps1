# What the hook for PowerShell does with lines. bp.psm1 loads it into the module when the first line is read.

[Diagnostics.DebuggerHidden()] param()

$script:editor = $null # PSReadLine's class while its module is loaded
$script:open = [Collections.Generic.List[object]]::new() # lines that have not ended, the outermost first
$script:now = 0
$script:times = ''
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
$script:options = $null
$script:hasProc = [IO.File]::Exists('/proc/self/stat')
$script:hasUsage = $PSVersionTable.PSVersion.Major -gt 7 -or $PSVersionTable.PSVersion.Minor -ge 5
$script:who = if ($hasProc) { '' } else { "powershell $($PSVersionTable.PSVersion) $Boot - $Origin" }

# An unconfirmed record goes to the mailbox after this, in microseconds. A healthy bpd answers in a
# few milliseconds, on a machine with much to do in some tenths of a second.
$script:patience = 500000

# Sets $now, microseconds since 1970, and $times, the CPU seconds of the shell and of its children at the same moment.
function script:__bizim_read_clock {
    [Diagnostics.DebuggerHidden()] param()
    $ticks = [DateTime]::UtcNow.Ticks - 621355968000000000
    $script:now = ($ticks - $ticks % 10) / 10
    if (-not $hasProc) { return }
    if ($hasUsage) { $usage = [Environment]::CpuUsage }
    # The name of the program, in brackets, may hold anything. Behind it stand field 3 and those that follow.
    $stat = [IO.File]::ReadAllText('/proc/self/stat')
    $fields = $stat.Substring($stat.LastIndexOf(')') + 2).Split([char] ' ')
    $own = if ($hasUsage) { "$([decimal] $usage.UserTime.Ticks / 10000000) $([decimal] $usage.PrivilegedTime.Ticks / 10000000)" }
    else { "$([decimal] $fields[11] / 100) $([decimal] $fields[12] / 100)" }
    $script:times = "$own $([decimal] $fields[13] / 100) $([decimal] $fields[14] / 100)"
    if (-not $who) { $script:who = "powershell $($PSVersionTable.PSVersion) $Boot $($fields[19]) $Origin" }
}

# Appends to the mailbox. The file is opened for each record: bpd may have renamed it.
function script:__bizim_write_mailbox {
    [Diagnostics.DebuggerHidden()] param([byte[]] $Bytes)
    if ($null -eq $options) {
        $script:options = [IO.FileStreamOptions]::new()
        $options.Mode = [IO.FileMode]::Append
        $options.Access = [IO.FileAccess]::Write
        $options.Share = [IO.FileShare]::ReadWrite
        $options.BufferSize = 0
        $options.UnixCreateMode = [IO.UnixFileMode] 'UserRead, UserWrite'
    }
    # `bpctl uninstall` has removed it, or a logout has.
    if (-not [IO.Directory]::Exists($Mail)) { return }
    $file = [IO.FileStream]::new("$Mail/$PID", $options)
    try { $file.Write($Bytes, 0, $Bytes.Length) } finally { $file.Dispose() }
}

# Sends one frame of bp_proto::frame on a connection of its own: magic, version, kind (mail), length, pid, records.
# False: bpd did not take it at once.
function script:__bizim_send_frame {
    [Diagnostics.DebuggerHidden()] param([byte[]] $Bytes)
    $connection = [Net.Sockets.Socket]::new('Unix', 'Stream', 'Unspecified')
    $request = [Net.Sockets.SocketAsyncEventArgs]::new()
    $request.RemoteEndPoint = $endpoint
    # Connect would wait, or throw.
    $isPending = $connection.ConnectAsync($request)
    $isOpen = -not $isPending -and $request.SocketError -eq $success
    if (-not $isPending) { $request.Dispose() }
    if ($isOpen) {
        $frame = [byte[]]::new($Bytes.Length + 12)
        ([byte[]] (98, 112, 1, 2)).CopyTo($frame, 0)
        [BitConverter]::GetBytes([uint32] ($Bytes.Length + 4)).CopyTo($frame, 4)
        [BitConverter]::GetBytes([uint32] $PID).CopyTo($frame, 8)
        $Bytes.CopyTo($frame, 12)
        $connection.Blocking = $false
        $problem = $success
        if ($connection.Send($frame, 0, $frame.Length, $none, [ref] $problem) -eq $frame.Length) {
            $calls.Add(@($connection, $sent, $now))
            return $true
        }
    }
    $connection.Dispose()
    $false
}

# Takes the answers that have come, without waiting. What was refused, or has waited too long, goes to the mailbox too:
# bpd knows a record by its stamp. True: bpd accepts connections and does not answer.
function script:__bizim_read_answers {
    [Diagnostics.DebuggerHidden()] param()
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
    if ($unconfirmed.Count -and ($isRefused -or $now - $since -gt $patience)) { __bizim_save_records }
    $calls.Count -gt 0 -and $now - $calls[0][2] -gt $patience
}

function script:__bizim_save_records {
    [Diagnostics.DebuggerHidden()] param()
    $bytes = [Text.Encoding]::UTF8.GetBytes([string]::Concat($unconfirmed))
    $unconfirmed.Clear()
    __bizim_write_mailbox $bytes
}

function script:__bizim_send_record {
    [Diagnostics.DebuggerHidden()] param([string[]] $Fields)
    if ([Environment]::GetEnvironmentVariable('BP_OFF') -eq '1') { return }
    $isSilent = __bizim_read_answers
    if (-not $unconfirmed.Count) { $script:since = $now }
    $unconfirmed.Add("`0$([string]::Join("`0", $Fields))`0")
    $script:sent++
    # Unconfirmed records go along: two connections may be read in either order.
    if ($endpoint -and -not $isSilent -and [Environment]::GetEnvironmentVariable('BP_TRANSPORT') -cne 'mailbox' -and
        (__bizim_send_frame ([Text.Encoding]::UTF8.GetBytes([string]::Concat($unconfirmed))))) { return }
    __bizim_save_records
}

function script:__bizim_test_blank {
    [Diagnostics.DebuggerHidden()] param([string] $Line)
    [string]::IsNullOrWhiteSpace($Line) -or $Line.TrimStart()[0] -eq [char] '#' -and -not $Line.Contains([char] "`n")
}

# Whether the user lets the line into the history. PSReadLine has asked its AddToHistoryHandler: its history tells.
function script:__bizim_test_kept {
    [Diagnostics.DebuggerHidden()] param([string] $Line, $Before)
    if ($Line[0] -eq [char] ' ') { return $false }
    if ($null -eq $editor) { return $true }
    $choice = $editor::GetOptions()
    if ("$($choice.HistorySaveStyle)" -eq 'SaveNothing') { return $false }
    $items = $editor::GetHistoryItems()
    if (-not $items.Length) { return $false }
    $last = $items[$items.Length - 1]
    if (-not [string]::Equals($last.CommandLine, $Line)) { return $false }
    # The entry of an equal line before stands for a duplicate, unless duplicates are kept: then this one was refused.
    if ([object]::ReferenceEquals($last, $Before) -and -not $choice.HistoryNoDuplicates) { return $false }
    # MemoryOnly: it looks like a secret.
    $mark = $last.GetType().GetField('_sensitive', [Reflection.BindingFlags] 'Instance, NonPublic')
    if ($null -eq $mark) { return $null -eq $choice.AddToHistoryHandler }
    -not $mark.GetValue($last)
}

function script:__bizim_start_line {
    [Diagnostics.DebuggerHidden()] param([string] $Line, $Before)
    $script:wasPrompted = $false
    if (__bizim_test_blank $Line) { return }
    $isKept = __bizim_test_kept $Line $Before
    $level = $global:NestedPromptLevel
    __bizim_read_clock
    # A line that opened a nested prompt goes on.
    if ($open.Count) { __bizim_send_record '1N', $who, "$($open[$open.Count - 1][0])" }
    $open.Add(@($now, $level, $Line, $ExecutionContext.SessionState.PSVariable.GetValue('global:LASTEXITCODE'), $global:Error[0]))
    if ($isKept) { $how = 'x'; $text = $Line.Replace("`0", '') } else { $how = 'h'; $text = '' }
    __bizim_send_record '1S', $who, "$now", $how, "$($global:PWD.ProviderPath)", $times, $text
}

# The line before has ended, if PowerShell's history has a new entry or the next line is read.
function script:__bizim_complete_line {
    [Diagnostics.DebuggerHidden()] param([bool] $Fine, [bool] $IsReading)
    __bizim_read_clock
    $level = $global:NestedPromptLevel
    while ($open.Count -and $open[$open.Count - 1][1] -gt $level) {
        # It left a nested prompt.
        $stamp = $open[$open.Count - 1][0]
        $open.RemoveAt($open.Count - 1)
        __bizim_send_record '1E', $who, "$stamp", '0', "$stamp", ''
    }
    $entry = Microsoft.PowerShell.Core\Get-History -Count 1
    $id = if ($entry) { $entry.Id } else { 0 }
    $isNew = $id -ne $lastId
    $script:lastId = $id
    if ($open.Count -and $open[$open.Count - 1][1] -eq $level) {
        if (-not $isNew -and -not $IsReading) { return }
        $stamp, $null, $line, $before, $last = $open[$open.Count - 1]
        $open.RemoveAt($open.Count - 1)
        $code = __bizim_get_status $Fine $(if ($isNew) { "$($entry.ExecutionStatus)" }) $line $before $last
        __bizim_send_record '1E', $who, "$stamp", "$code", "$now", $times
    }
    elseif ($isNew -and $entry -and -not (__bizim_test_blank $entry.CommandLine)) {
        # No reader of ours saw it.
        $script:isChained = $false
        $script:reader = $null
        $line = $entry.CommandLine
        if (__bizim_test_kept $line) { $how = 'X'; $text = $line.Replace("`0", '') } else { $how = 'H'; $text = '' }
        $stamp = __bizim_get_micros $entry.StartExecutionTime
        $code = __bizim_get_status $Fine "$($entry.ExecutionStatus)" $line $native $newest
        __bizim_send_record '1S', $who, "$stamp", $how, $directory, '', $text
        __bizim_send_record '1E', $who, "$stamp", "$code", "$(__bizim_get_micros $entry.EndExecutionTime)", ''
    }
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

# Whether PSReadLine was removed, and its reader with it. Sets $editor.
function script:__bizim_is_editor_gone {
    [Diagnostics.DebuggerHidden()] param()
    $cmdlet = $null
    foreach ($cmdlet in $ExecutionContext.InvokeCommand.GetCommands('Get-PSReadLineOption', 'Cmdlet', $false)) { }
    if ($null -ne $cmdlet) {
        if ($null -eq $editor) {
            $script:editor = $cmdlet.ImplementingType.Assembly.GetType('Microsoft.PowerShell.PSConsoleReadLine')
        }
        return $false
    }
    $isGone = $readers.Count -and "$($readers[0].Module)" -eq 'PSReadLine'
    $script:editor = $null
    if ($isGone) {
        # Without us PowerShell would read lines itself now.
        $readers.Clear()
        $ExecutionContext.InvokeProvider.Item.Remove('function:PSConsoleHostReadLine', $false)
    }
    $isGone
}

$null = __bizim_is_editor_gone
$script:isReady = $true
