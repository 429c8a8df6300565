# Records what is typed in PowerShell 7.3 and later. `bpctl init powershell` stores this module with `core.ps1`, and prints
# the line that imports it. shell/README.md describes the hook. It starts no process, prints nothing and throws nothing.
# This file has what is needed until the first prompt: parsing the rest would delay it.
#
# Every function has DebuggerHidden, or `Set-PSDebug -Trace` would print its lines. Aliases and functions of the user come
# before cmdlets and aliases before functions: cmdlets are named with their module. A function of this file would be exported
# to the user's scope: blocks in variables are not, and their calls cost less.

[Diagnostics.DebuggerHidden()] param([string] $Mail, [string] $Socket, [string] $Boot, [string] $Origin)

# The user's preferences must not reach the hook.
Microsoft.PowerShell.Core\Set-StrictMode -Off
$ErrorActionPreference = 'Continue'
$PSDefaultParameterValues = @{}
$PSNativeCommandUseErrorActionPreference = $false

# The functions that ours replaced, the oldest first. There are several if a later one calls ours.
$readers = [Collections.ArrayList]::new()
$prompts = [Collections.ArrayList]::new()
$readerDepth = 0
$promptDepth = 0
$reader = $null       # the reader at the last prompt: ours, or one that calls ours
$isChained = $false   # a reader that replaced ours calls ours
$wasPrompted = $true  # our prompt ran since the last line was read
$wasRead = $false     # our reader ran since the prompt before
$isReady = $false     # core.ps1 is loaded
$core = "$PSScriptRoot/core.ps1"
$editor = $saveNothing = $sensitive = $null # PSReadLine's class while its module is loaded, and what core.ps1 found in it
$lastId = -1          # the newest entry of PowerShell's history at the last prompt
$native = $null       # $LASTEXITCODE, $Error[0] and the directory behind the last prompt
$newest = $null
$directory = ''

# At each prompt: the reader may be new. `Import-Module PSReadLine -Force` replaces ours.
$repairReader = {
    [Diagnostics.DebuggerHidden()] param()
    $find = $ExecutionContext.InvokeCommand
    $cmdlet = $null
    foreach ($cmdlet in $find.GetCommands('Get-PSReadLineOption', 'Cmdlet', $false)) { }
    if ($null -eq $cmdlet) {
        $isGone = $readers.Count -and "$($readers[0].Module)" -eq 'PSReadLine'
        $script:editor = $script:saveNothing = $script:sensitive = $null
        if ($isGone) {
            # PSReadLine was removed, and its reader with it. Without us PowerShell would read lines itself now.
            $readers.Clear()
            $script:wasRead = $false
            $ExecutionContext.InvokeProvider.Item.Remove('function:PSConsoleHostReadLine', $false)
            return
        }
    }
    elseif ($null -eq $editor) {
        $script:editor = $cmdlet.ImplementingType.Assembly.GetType('Microsoft.PowerShell.PSConsoleReadLine')
    }
    $current = $null
    foreach ($function in $find.GetCommands('PSConsoleHostReadLine', 'Function', $false)) { $current = $function.ScriptBlock }
    if ($null -ne $current -and -not [object]::ReferenceEquals($current, $reader)) {
        $script:reader = $current
        if (-not $isChained) { $installReader.InvokeReturnAsIs($current) }
    }
}

# What failed in the hook leaves no error. `Newest`: the newest error before.
$clearFailure = {
    [Diagnostics.DebuggerHidden()] param($Newest)
    while ($global:Error.Count -and -not [object]::ReferenceEquals($global:Error[0], $Newest)) { $global:Error.RemoveAt(0) }
}

$installReader = {
    [Diagnostics.DebuggerHidden()] param($Inner)
    $null = $readers.Add($Inner)
    # `$?` first: every other statement overwrites it. Reader and prompt look at it themselves.
    function global:PSConsoleHostReadLine {
        [Diagnostics.DebuggerHidden()] param()
        $fine = $?
        $layer = $readers.Count - 1 - $readerDepth
        $before = $null
        $newestError = $global:Error[0]
        if ($readerDepth) { $script:isChained = $true }
        else {
            $script:wasRead = $true
            try {
                if (-not $isReady) { . $core }
                # Mostly the prompt has done it.
                if ($open.Count -or -not $wasPrompted) { $record.InvokeReturnAsIs($false, $fine, $true, $null, $null) }
                if (-not $wasPrompted) { $installPrompt.InvokeReturnAsIs() }
                if ($editor -and -not $editor::GetOptions().HistoryNoDuplicates) { $before = $editor::GetHistoryItems()[-1] }
            }
            catch { $clearFailure.InvokeReturnAsIs($newestError) }
        }
        $script:readerDepth++
        try {
            if ($fine) { $line = & $readers[$layer] }
            else { Microsoft.PowerShell.Utility\Write-Error -Message '-' -ErrorAction Ignore; $line = & $readers[$layer] }
        }
        finally { $script:readerDepth-- }
        if (-not $readerDepth) {
            $newestError = $global:Error[0]
            try { $record.InvokeReturnAsIs($true, $null, $null, [string] $line, $before) } catch { $clearFailure.InvokeReturnAsIs($newestError) }
        }
        $line
    }
    foreach ($function in $ExecutionContext.InvokeCommand.GetCommands('PSConsoleHostReadLine', 'Function', $false)) {
        $script:reader = $function.ScriptBlock
    }
}

$installPrompt = {
    [Diagnostics.DebuggerHidden()] param()
    $inner = { 'PS> ' }
    foreach ($function in $ExecutionContext.InvokeCommand.GetCommands('prompt', 'Function', $false)) { $inner = $function.ScriptBlock }
    $null = $prompts.Add($inner)
    function global:prompt {
        [Diagnostics.DebuggerHidden()] param()
        $fine = $?
        $layer = $prompts.Count - 1 - $promptDepth
        if (-not $promptDepth) {
            $script:wasPrompted = $true
            $newestError = $global:Error[0]
            try {
                if ($lastId -lt 0) {
                    # The prompt has the number of the next line.
                    $script:lastId = $MyInvocation.HistoryId - 1
                }
                else {
                    if (-not $isReady) { . $core }
                    $record.InvokeReturnAsIs($false, $fine, $false, $null, $null)
                }
                $repairReader.InvokeReturnAsIs()
            }
            catch { $clearFailure.InvokeReturnAsIs($newestError) }
        }
        $script:promptDepth++
        try {
            if ($fine) { & $prompts[$layer] }
            else { Microsoft.PowerShell.Utility\Write-Error -Message '-' -ErrorAction Ignore; & $prompts[$layer] }
        }
        finally { $script:promptDepth-- }
        if ($promptDepth) { return }
        if ($wasRead) { $script:wasRead = $false }
        else {
            # For a line that no reader of ours will see.
            $script:native = $ExecutionContext.SessionState.PSVariable.GetValue('global:LASTEXITCODE')
            $script:newest = $global:Error[0]
            $script:directory = "$($global:PWD.ProviderPath)"
        }
    }
}

$newestError = $global:Error[0]
try {
    if ([Environment]::GetEnvironmentVariable('BP_OFF') -ne '1' -and $Host.Name -eq 'ConsoleHost') {
        $installPrompt.InvokeReturnAsIs()
        $repairReader.InvokeReturnAsIs()
    }
}
catch { $clearFailure.InvokeReturnAsIs($newestError) }
