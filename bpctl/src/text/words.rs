//! Every word that bpctl's tables say, in English and Turkish. Sentences about runs come from bpd.

/// A language bpctl speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    En,
    Tr,
}

impl Lang {
    /// `tr`, `tr_TR.UTF-8`, `en-US`.
    pub fn of(tag: &str) -> Option<Self> {
        match tag.split(['-', '_', '.', '@']).next()?.to_ascii_lowercase().as_str() {
            "tr" => Some(Self::Tr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Capital letters: in Turkish `i` becomes `İ`.
    pub fn capitals(self, text: &str) -> String {
        match self {
            Self::En => text.to_uppercase(),
            Self::Tr => text.replace('i', "İ").to_uppercase(),
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Tr => "tr",
        }
    }
}

macro_rules! words {
    ($($name:ident: $en:literal, $tr:literal;)*) => {
        /// What may be said; both languages stand side by side, so none can lack a word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $($name),* }

        impl Word {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$name, Lang::En) => $en, (Self::$name, Lang::Tr) => $tr,)*
                }
            }
        }
    };
}

words! {
    Id: "ID", "NO";
    State: "STATE", "DURUM";
    Started: "STARTED", "BAŞLADI";
    Took: "TOOK", "SÜRE";
    Cpu: "CPU", "CPU";
    Rss: "RSS", "RSS";
    Curve: "CURVE", "EĞRİ";
    Project: "PROJECT", "PROJE";
    Branch: "BRANCH", "DAL";
    Commit: "COMMIT", "COMMIT";
    OlderRuns: "older runs: add --before {}", "daha eskiler: --before {} ekleyin";
    Command: "COMMAND", "KOMUT";
    Hidden: "(hidden)", "(gizli)";
    TextPending: "(text pending)", "(metin bekleniyor)";
    Running: "running", "sürüyor";
    Lost: "lost", "kayıp";
    ComparedPair: "run {} against run {}", "{} numaralı çalıştırma, {} ile karşılaştırıldı";
    Swapped: "Run {} started before run {}: the two were swapped.", "{} numaralı çalıştırma {} numaralıdan önce başladı: ikisinin yeri değiştirildi.";
    Stopped: "stopped", "durduruldu";
    InBackground: "background", "arka planda";
    Left: "left the shell", "kabuktan çıktı";
    LeftShort: "left", "çıktı";
    BackgroundCpu: "afterwards", "sonrasında";
    BackgroundCpuUsed: "{} of CPU time, by processes that it left behind", "{} CPU süresi, geride bıraktığı süreçler";
    Finished: "finished", "bitti";
    NoRuns: "No runs yet. Load the hook: eval \"$(bpctl init bash)\"", "Henüz çalıştırma yok. Kancayı yükleyin: eval \"$(bpctl init bash)\"";
    NoAlerts: "No alerts.", "Uyarı yok.";
    NoneMatch: "No run matches.", "Uyan çalıştırma yok.";
    Run: "Run {}", "Çalıştırma {}";
    In: "in", "yer";
    At: "started", "başladı";
    Exit: "exit {}", "çıkış {}";
    Signal: "signal {}", "sinyal {}";
    Duration: "took", "süre";
    CpuFigures: "avg {} · p95 {} · max {}", "ort {} · p95 {} · en çok {}";
    CpuTime: "CPU time", "CPU süresi";
    CpuSplit: "{} (user {}, system {})", "{} (kullanıcı {}, sistem {})";
    Waited: "waiting", "bekleme";
    WaitedFor: "{} ready to run, waiting for a CPU", "{} çalışmaya hazır, CPU bekleyerek";
    Crowd: "at once", "aynı anda";
    ProcessesAtOnce: "{} processes", "{} süreç";
    OneProcess: "1 process", "1 süreç";
    ThreadsAtOnce: "{} threads", "{} iş parçacığı";
    OneThread: "1 thread", "1 iş parçacığı";
    DiskBytes: "disk", "disk";
    BytesRead: "{} read", "{} okundu";
    BytesWritten: "{} written", "{} yazıldı";
    Faults: "page faults", "sayfa hatası";
    MinorFaults: "{} minor", "{} küçük";
    MajorFaults: "{} major", "{} büyük";
    Switches: "switches", "geçişler";
    VoluntarySwitches: "{} voluntary", "{} gönüllü";
    InvoluntarySwitches: "{} involuntary", "{} zorunlu";
    Machine: "machine", "makine";
    Suspended: "suspended for {}", "{} uykuda";
    HostDuring: "CPU {} meanwhile", "CPU bu sırada {}";
    HostBefore: "CPU {} before", "CPU öncesinde {}";
    LoadBefore: "load {} before", "yük öncesinde {}";
    Pressure: "pressure", "sıkışma";
    PressureCpu: "CPU {}", "CPU {}";
    PressureMemory: "memory {}", "bellek {}";
    PressureDisk: "disk {}", "disk {}";
    PressureOf: "{} of the time", "sürenin {} kadarı";
    Quality: "quality", "nitelik";
    Incomplete: "incomplete: some children escaped the accounting", "eksik: bazı alt süreçler hesaba girmedi";
    Unknown: "unknown", "bilinmiyor";
    ImplausibleDuration: "duration: the reported one is longer than the shell has lived", "süre: bildirilen, kabuğun ömründen uzun";
    ImplausibleCpu: "CPU time: the reported one is more than all CPUs can give in this time", "CPU süresi: bildirilen, tüm CPU'ların bu sürede verebileceğinden çok";
    ImplausibleSamples: "CPU time of samples that lie outside the run", "çalıştırmanın dışında kalan örneklerin CPU süresi";
    ImplausibleCount: "{} implausible {0|figure was|figures were} stored as unknown since bpd began", "bpd başladığından beri {} olanaksız değer bilinmiyor olarak saklandı";
    PeakLowerBound: "peaks are lower bounds", "en yüksek değerler alt sınır";
    Session: "shell", "kabuk";
    Tags: "tags", "etiketler";
    Note: "note", "not";
    Masked: "masked", "maskelendi";
    Parent: "part of run {}", "{} numaralı çalıştırmanın parçası";
    Background: "processes of it lived on", "süreçleri yaşamaya devam etti";
    Children: "burned most", "en çok yakan";
    ChildrenOther: "{} further {0|program|programs}", "{} başka program";
    ChildrenShell: "the shell itself", "kabuğun kendisi";
    ChildrenUntold: "short-lived, not told apart", "kısa ömürlü, ayırt edilemeyen";
    AtLeast: "≥ {}", "≥ {}";
    Comments: "comments", "yorumlar";
    Metric: "FIGURE", "DEĞER";
    Current: "RUN {}", "ÇALIŞTIRMA {}";
    CurrentShort: "#{}", "#{}";
    Delta: "DIFFERENCE", "FARK";
    Change: "CHANGE", "DEĞİŞİM";
    Differs: "what differs", "ne farklı";
    Faster: "faster", "daha hızlı";
    Slower: "slower", "daha yavaş";
    Similar: "similar", "benzer";
    Unclear: "unclear", "belirsiz";
    NoClearDifference: "no clear difference", "belirgin bir fark yok";
    OutsideUsual: "outside the usual range", "alışılmış aralığın dışında";
    NotComparable: "not comparable", "karşılaştırılamaz";
    Less: "less", "daha az";
    More: "more", "daha çok";
    WatchKeys: "↑↓ choose · c m t sort · k stop · Enter page · ? help · q quit", "↑↓ seç · c m t sırala · k durdur · Enter sayfa · ? yardım · q çık";
    WatchKeysShort: "? help · q quit", "? yardım · q çık";
    WatchHelpTitle: "Keys", "Tuşlar";
    WatchHelpChoose: "↑ ↓ j      choose a command", "↑ ↓ j      komut seç";
    WatchHelpSort: "c m t      sort by CPU, memory, time", "c m t      CPU, bellek, süreye göre sırala";
    WatchHelpStop: "k          stop it, after asking", "k          sorup durdur";
    WatchHelpOpen: "Enter      show it in the page", "Enter      sayfada göster";
    WatchHelpQuit: "q Esc ^C   quit", "q Esc ^C   çık";
    WatchNothing: "Nothing is running.", "Çalışan bir şey yok.";
    WatchRunning: "{} running", "{} komut sürüyor";
    WatchProcesses: "{} {0|process|processes}", "{} süreç";
    WatchMachine: "machine {}", "makine {}";
    WatchMemory: "memory {} of {}", "bellek {} / {}";
    WatchLoad: "load {}", "yük {}";
    WatchElapsed: "TIME", "SÜRE";
    WatchNow: "CPU NOW", "CPU ŞU AN";
    WatchCount: "PROC", "SÜREÇ";
    WatchActor: "BY", "KİM";
    WatchStopping: "stopping", "duruyor";
    WatchAsk: "Stop run {}?", "Çalıştırma {} durdurulsun mu?";
    WatchAskForce: "Run {} was asked to end. Kill it?", "Çalıştırma {} bitmesi için uyarıldı. Öldürülsün mü?";
    WatchYes: "y  yes, send {}     n  no", "e  evet, {} gönder     h  hayır";
    WatchStopped: "{0} sent to run {2} (processes: {1})", "{0} gönderildi: çalıştırma {2} (süreç: {1})";
    WatchRefused: "{} {0|process belongs|processes belong} to another user and {0|was|were} left alone", "{} süreç başka bir kullanıcının; dokunulmadı";
    WatchNoneLeft: "run {} has no process any more", "çalıştırma {} için süreç kalmamış";
    WatchOpened: "run {} opens in the browser", "çalıştırma {} tarayıcıda açılıyor";
    WatchNotOpened: "no browser: bpctl open {} --print", "tarayıcı yok: bpctl open {} --print";
    Bpd: "bpd {} (pid {}), up {}", "bpd {} (pid {}), {} süredir açık";
    Page: "page", "sayfa";
    Socket: "socket", "soket";
    Data: "data", "veri";
    TokenFile: "token", "token";
    Runs: "{} {0|run|runs}, {} not ended", "{} çalıştırma, {} bitmemiş";
    AllWell: "all is well", "her şey yolunda";
    OverheadHead: "What bp itself has cost since {}", "bp'nin kendi maliyeti, {} tarihinden beri";
    OverheadCpu: "bpd's CPU", "bpd'nin CPU'su";
    OverheadOf: "{} of the {} of the {} recorded {2|command|commands}", "{1} ({2} kayıtlı komut) içinde {0}";
    Memory: "memory", "bellek";
    Disk: "disk", "disk";
    Uptime: "up", "açık";
    Fired: "FIRED", "ZAMAN";
    Rule: "RULE", "KURAL";
    RunColumn: "RUN", "ÇALIŞTIRMA";
    ActorColumn: "BY", "KİM";
    Peak: "PEAK", "TEPE";
    Delivery: "NOTICE", "BİLDİRİM";
    AlertCpuHigh: "command's CPU", "komutun CPU'su";
    AlertHostCpu: "machine's CPU", "makinenin CPU'su";
    AlertOfMachine: "machine", "makine";
    NoticeNotYet: "not sent yet", "henüz gönderilmedi";
    NoticeDesktop: "shown on the desktop", "masaüstünde gösterildi";
    NoticeOff: "not shown: notices are off", "gösterilmedi: bildirimler kapalı";
    NoticeCooldown: "not shown: one was shown shortly before", "gösterilmedi: az önce bir bildirim çıktı";
    NoticeNoServer: "not shown: no desktop session", "gösterilmedi: masaüstü oturumu yok";
    NoticeNoAnswer: "not shown: the desktop did not answer", "gösterilmedi: masaüstü yanıt vermedi";
    Deleted: "run {} is gone", "{} numaralı çalıştırma silindi";
    DeletedMany: "{} runs are gone", "{} çalıştırma silindi";
    RmAskOne: "Remove run {} for good? [y/N]", "Çalıştırma {} kalıcı olarak silinsin mi? [e/H]";
    RmAskMany: "Remove these {} runs for good? [y/N]", "Bu {} çalıştırma kalıcı olarak silinsin mi? [e/H]";
    RmNobodyToAsk: "{} {0|run|runs} would be removed, and there is no terminal to ask at; say --yes", "{} çalıştırma silinecek, ama soracak bir terminal yok; --yes deyin";
    RmBareWord: "`{}` names no run; to remove all runs that match a search, use a field, such as cmd:make or since:1d", "`{}` bir çalıştırmayı göstermiyor; bir aramaya uyanların hepsini silmek için alan adı kullanın: cmd:make ya da since:1d gibi";
    RmMixed: "`{}` names runs, the rest is a search; remove them one after the other", "`{}` bir çalıştırmayı gösteriyor, gerisi ise arama; ayrı ayrı silin";
    NoteGone: "run {} has no note any more", "{} numaralı çalıştırmanın notu silindi";
    RestartConfig: "bpd was not restarted: mend the config first", "bpd yeniden başlatılmadı: önce ayarları düzeltin";
    Tagged: "run {}: {}", "çalıştırma {}: {}";
    NoTags: "no tags", "etiket yok";
    Opening: "Opening {}", "{} açılıyor";
    OpenByHand: "If no page opens, go to {} and enter the code {} (60 s, one use).", "Sayfa açılmazsa {} adresine gidip şu kodu girin: {} (60 sn, tek kullanım).";
    OpenPrinted: "The page: {} (this address by itself lets nobody in)", "Sayfa: {} (bu adres tek başına kimseyi içeri almaz)";
    OpenPrintedCode: "It asks for a one-time code, which logs you in: {} (60 s, one use)", "Sayfa tek kullanımlık bir kod sorar, oturumu bu kod açar: {} (60 sn)";
    NotShownYet: "nothing was shown in this session yet; name a run, as in `bpctl show latest`", "bu oturumda henüz bir çalıştırma gösterilmedi; bir çalıştırma adı verin, örneğin `bpctl show latest`";
    NoneHere: "no run was recorded in {}", "{} dizininde çalıştırma yok";
    DoctorBpdRuns: "bpd {} answers (pid {})", "bpd {} yanıt veriyor (pid {})";
    DoctorStart: "bpctl daemon start", "bpctl daemon start";
    DoctorSkew: "bpd is version {}, bpctl is {}", "bpd {} sürümü, bpctl {} sürümü";
    DoctorRestart: "bpctl daemon restart", "bpctl daemon restart";
    DoctorRunDir: "{} is yours alone", "{} yalnız sizin";
    DoctorRunDirBad: "{}: {}", "{}: {}";
    DoctorRunDirFix: "remove it, or: chmod 700 {}", "silin ya da: chmod 700 {}";
    DoctorHook: "this shell's commands are recorded (newest: run {})", "bu kabuğun komutları kaydediliyor (en yeni: {})";
    DoctorNoHook: "the last prompt of this shell ({} {}) produced no event", "bu kabuğun ({} {}) son istemi bir olay üretmedi";
    DoctorLoad: "bpctl setup {}, then open a new shell", "bpctl setup {}, sonra yeni kabuk açın";
    PausedAll: "Recording is paused in every shell, until `bpctl resume --all`.", "Kayıt bütün kabuklarda duraklatıldı; sürdürmek için: `bpctl resume --all`.";
    PausedHere: "Recording is paused in this shell, until `bpctl resume`.", "Kayıt bu kabukta duraklatıldı; sürdürmek için: `bpctl resume`.";
    PausedAllUntil: "Recording is paused in every shell until {}, or `bpctl resume --all`.", "Kayıt bütün kabuklarda {} saatine dek duraklatıldı; sürdürmek için: `bpctl resume --all`.";
    PausedHereUntil: "Recording is paused in this shell until {}.", "Kayıt bu kabukta {} saatine dek duraklatıldı.";
    Recording: "What is typed here is recorded.", "Burada yazılanlar kaydediliyor.";
    PauseTime: "\"{}\" is no time; say 30m, 2h or 90s", "\"{}\" bir süre değil; 30m, 2h ya da 90s deyin";
    NothingMasked: "Nothing in it is taken for a secret: it would be kept as it is.", "İçinde sır sayılan bir şey yok: olduğu gibi saklanırdı.";
    MaskedBy: "masked by: {}", "maskeleyen kurallar: {}";
    PrivacyKept: "Of each command its text, place, times, exit code and figures are kept, on this machine, for you alone.", "Her komutun metni, yeri, zamanları, çıkış kodu ve ölçüleri saklanır; bu makinede, yalnız sizin için.";
    PrivacyMasked: "Secrets in the text are masked before it is stored; a line that is kept out of the history goes without its text.", "Metindeki gizli bilgiler saklanmadan önce maskelenir; geçmişe alınmayan satır metni olmadan ölçülür.";
    PrivacyCommands: "Without their text, by pattern: {}", "Metni olmadan ölçülen desenler: {}";
    PrivacyDirs: "Without text and place, by directory: {}", "Metni ve yeri olmadan ölçülen dizinler: {}";
    PrivacyNoRules: "Nothing is ignored; [privacy] ignore_commands and ignore_dirs in {} say what is.", "Yok sayılan bir şey yok; bunu {} içinde [privacy] ignore_commands ve ignore_dirs belirler.";
    PrivacyMore: "bpctl privacy test LINE · bpctl pause [30m] · bpctl resume · bpctl rm RUN", "bpctl privacy test SATIR · bpctl pause [30m] · bpctl resume · bpctl rm RUN";
    IgnoredByCommand: "It would be measured without its text: {} is in privacy.ignore_commands.", "Metni olmadan ölçülürdü: {} privacy.ignore_commands içinde.";
    IgnoredByDir: "It would be measured without its text and its place: {} is in privacy.ignore_dirs.", "Metni ve yeri olmadan ölçülürdü: {} privacy.ignore_dirs içinde.";
    CutFrom: "cut; it has {} bytes", "kesildi; uzunluğu {} bayt";
    SetupAlready: "{} loads the hook already", "{} kancayı zaten yüklüyor";
    SetupAsk: "Add this line? [y/N]", "Bu satır eklensin mi? [e/H]";
    SetupCompletions: "To complete its words with Tab, if you like:", "İsterseniz sözcüklerini Tab ile tamamlamak için:";
    SetupDone: "Open a new {}: what you type in it is recorded.", "Yeni bir {} açın: orada yazdıklarınız kaydedilir.";
    SetupWhichShell: "name the shell: bpctl setup bash, zsh, fish or powershell (SHELL says \"{}\")", "kabuğu adlandırın: bpctl setup bash, zsh, fish ya da powershell (SHELL \"{}\" diyor)";
    SetupNobodyToAsk: "there is no terminal to ask at; say --yes", "soracak bir terminal yok; --yes deyin";
    UninstallAsk: "Remove all this, and stop bpd? [y/N]", "Bunların hepsi kaldırılsın ve bpd durdurulsun mu? [e/H]";
    UninstallData: "What was recorded stays in {} (bpctl uninstall --data removes it).", "Kaydedilenler {} içinde duruyor (bpctl uninstall --data kaldırır).";
    UninstallConfig: "The config stays in {} (bpctl uninstall --data removes it).", "Ayarlar {} içinde duruyor (bpctl uninstall --data kaldırır).";
    UninstallPrograms: "The programs stay; remove them when you like: {}", "Programlar duruyor; dilediğiniz zaman silin: {}";
    UninstallCompletions: "The completions stay; remove them when you like: {}", "Tamamlama dosyaları duruyor; dilediğiniz zaman silin: {}";
    UninstallShells: "Shells that are open keep the hook until they end.", "Açık kabuklarda kanca kabuk kapanana dek kalır.";
    DoctorNotShell: "bpctl was not started by bash, zsh, fish or pwsh ({}): the hook cannot be checked from here", "bpctl bash, zsh, fish ya da pwsh'ten başlatılmadı ({}): kanca buradan denetlenemez";
    DoctorOff: "BP_OFF=1: the hook does nothing in this shell", "BP_OFF=1: kanca bu kabukta bir şey yapmıyor";
    DoctorUnset: "unset BP_OFF and open a new shell", "BP_OFF'u kaldırıp yeni kabuk açın";
    DoctorPrompt: "PROMPT_COMMAND is exported, so programs and child shells overwrite it", "PROMPT_COMMAND dışa aktarılmış; alt kabuklar üzerine yazar";
    DoctorPromptFix: "export -n PROMPT_COMMAND", "export -n PROMPT_COMMAND";
    DoctorPreexec: "bash-preexec is loaded: the hook registers with it", "bash-preexec yüklü: kanca ona kaydolur";
    DoctorSpool: "nothing waits to be delivered", "teslim bekleyen yok";
    DoctorSpoolWaits: "{} {0|run waits|runs wait} to be delivered", "{} çalıştırma teslim bekliyor";
    DoctorSpoolBad: "{} cannot be read and stays where it is", "{} okunamıyor, yerinde bırakıldı";
    DoctorRemove: "look at it and remove it", "bakıp silin";
    DoctorNotices: "desktop notices have a session bus ({})", "masaüstü bildirimleri için oturum veri yolu var ({})";
    DoctorNoNotices: "there is no session bus: alerts are logged, no desktop notice is shown", "oturum veri yolu yok: uyarılar günlüğe yazılır, bildirim gösterilmez";
    DoctorNoticesFix: "inside a desktop session: bpctl daemon restart", "masaüstü oturumunda: bpctl daemon restart";
    DoctorDegraded: "bpd says: {}", "bpd diyor ki: {}";
    DoctorLogs: "bpctl daemon logs", "bpctl daemon logs";
    DoctorRoom: "make room on the disk of {}", "{} dizininin diskinde yer açın";
    DoctorRemedy: "remedy: {}", "çare: {}";
    DoctorWell: "Nothing is wrong.", "Sorun yok.";
    DoctorMail: "this shell's commands are written down (bpd takes them when it runs)", "bu kabuğun komutları yazılıyor (bpd çalışınca alır)";
    DoctorNobodys: "it belongs to uid {}", "{} kullanıcısına ait";
    DoctorMissing: "there is none", "yok";
    DoctorLeftovers: "{} {0|file of a shell that is gone lies|files of shells that are gone lie} in {}", "{} dosya, kapanmış kabuklardan {} içinde kalmış";
    DoctorLeftoversFix: "remove them: {}", "silin: {}";
    DoctorTwice: "{} loads the hook more than once (lines {})", "{} kancayı birden çok kez yüklüyor (satır {})";
    DoctorTwiceFix: "leave one of the lines", "satırlardan birini bırakın";
    DoctorTwiceHere: "the hook is loaded twice in this shell", "kanca bu kabukta iki kez yüklenmiş";
    DoctorProgramGone: "{}: there is no {} any more", "{}: {} artık yok";
    DoctorStaleFile: "{} reads {}, a saved hook that is not this bpctl's", "{} satırı {} dosyasını okuyor; bu, bpctl'in bu sürümüne ait olmayan kayıtlı bir kanca";
    DoctorStaleFileFix: "put this there instead: {}", "yerine şunu yazın: {}";
    DoctorRestricted: "this zsh is restricted: it may not write to files, so nothing is recorded", "bu zsh kısıtlı (restricted): dosyaya yazamaz, bu yüzden hiçbir şey kaydedilmez";
    DoctorRestrictedFix: "start a zsh without `-r`, and remove `setopt restricted` from its files", "`-r` olmadan bir zsh açın ve dosyalarından `setopt restricted` satırını kaldırın";
    DoctorNotLoaded: "this {} has not loaded the hook", "bu {} kancayı yüklememiş";
    DoctorLoaded: "the hook is loaded and in its place", "kanca yüklü ve yerinde";
    DoctorHookSkew: "this shell's hook is of version {}, bpctl is {}", "bu kabuğun kancası {} sürümünden, bpctl {} sürümü";
    DoctorReload: "open a new shell, or: exec {}", "yeni kabuk açın ya da: exec {}";
    DoctorReloadOrAsk: "open a new shell, or: exec {}; to ask this one: {}", "yeni kabuk açın ya da: exec {}; bu kabuğa sormak için: {}";
    DoctorDebug: "another program has set a DEBUG trap: {}; bp's trap runs in front of it when a line begins", "başka bir program DEBUG kapanı kurmuş: {}; bp'nin kapanı satır başlarken onun önünde çalışır";
    DoctorDebugFix: "nothing to do; every line is recorded while it runs", "yapılacak bir şey yok; her satır çalışırken kaydedilir";
    DoctorDebugIn: "{}: {} takes the DEBUG trap", "{}: {} DEBUG kapanını alıyor";
    DoctorPreexecLost: "bash-preexec is loaded, and the hook is not one of its functions", "bash-preexec yüklü, ama kanca onun işlevleri arasında değil";
    DoctorPromptTaken: "PROMPT_COMMAND was replaced: {}", "PROMPT_COMMAND'ın yerine başka bir şey konmuş: {}";
    DoctorPromptTakenFix: "keep what is in it: PROMPT_COMMAND=\"…; $PROMPT_COMMAND\", or load the hook last", "içindekini koruyun: PROMPT_COMMAND=\"…; $PROMPT_COMMAND\" ya da kancayı en son yükleyin";
    DoctorPromptLocked: "PROMPT_COMMAND is readonly since before the hook was loaded; bp works through PS1, with one more process at each prompt", "PROMPT_COMMAND kanca yüklenmeden önce salt okunur yapılmış; bp, PS1 üzerinden çalışır ve her istemde bir süreç daha başlatır";
    DoctorPromptLockedFix: "load the hook before the line that makes PROMPT_COMMAND readonly", "kancayı, PROMPT_COMMAND'ı salt okunur yapan satırdan önce yükleyin";
    DoctorPromptSealed: "PROMPT_COMMAND was replaced and made readonly: {}", "PROMPT_COMMAND'ın yerine başka bir şey konmuş ve salt okunur yapılmış: {}";
    DoctorPromptSealedFix: "load the hook behind that, and start a new shell", "kancayı bundan sonra yükleyin ve yeni bir kabuk açın";
    DoctorReplacing: "{} replaces PROMPT_COMMAND behind the hook", "{} kancadan sonra PROMPT_COMMAND'ın yerine geçiyor";
    DoctorListTaken: "{} was replaced: the hook is no longer in it", "{} yerine başka bir liste konmuş: kanca artık içinde değil";
    DoctorPromptvars: "promptvars is off: times begin when the line was done, and hidden lines go unseen", "promptvars kapalı: süreler satır bitince başlar, gizli satırlar görülmez";
    DoctorSilent: "the last prompt of this shell ({} {}) produced no event; the newest is {} old", "bu kabuğun ({} {}) son istemi bir olay üretmedi; en yenisi {} önce";
    DoctorInFile: "{} loads the hook, but this shell has not", "{} kancayı yüklüyor, ama bu kabuk yüklememiş";
    DoctorFileLacks: "{} does not load the hook", "{} kancayı yüklemiyor";
    DoctorSpoolFull: "the queue is full: {} runs wait to be delivered, later ones are dropped", "kuyruk dolu: {} çalıştırma teslim bekliyor, yenileri atılıyor";
    DoctorWhichShell: "name the shell: bpctl doctor --shell=bash, zsh, fish or powershell ({} was found)", "kabuğu adlandırın: bpctl doctor --shell=bash, zsh, fish ya da powershell (bulunan: {})";
    DoctorBothReplaced: "prompt and PSConsoleHostReadLine were both replaced by functions that do not call the hook's: nothing is recorded", "prompt ile PSConsoleHostReadLine'ın ikisinin de yerine, kancanınkileri çağırmayan işlevler konmuş: hiçbir şey kaydedilmiyor";
    DoctorBothReplacedFix: "load the hook last in the profile, then open a new shell", "kancayı profilde en son yükleyin, sonra yeni kabuk açın";
    DoctorNoPsreadline: "PSReadLine is not loaded: a line is recorded when it has ended, not while it runs, and without CPU time", "PSReadLine yüklü değil: satır çalışırken değil, bitince ve CPU süresi olmadan kaydedilir";
    DoctorNoReader: "PSConsoleHostReadLine does not call the hook: a line is recorded when it has ended, not while it runs", "PSConsoleHostReadLine kancayı çağırmıyor: satır çalışırken değil, bitince kaydedilir";
    DoctorOtherHost: "this PowerShell runs in {}: the hook records in PowerShell's console host alone", "bu PowerShell {} içinde çalışıyor: kanca yalnızca PowerShell'in konsolunda kaydeder";
    DoctorAskShell: "this line is not recorded so far: without PSReadLine a line is recorded when it has ended; ask the shell", "bu satır henüz kaydedilmedi: PSReadLine yoksa satır bitince kaydedilir; kabuğa sorun";
    DoctorMendable: "bpctl doctor --fix mends what can be mended.", "bpctl doctor --fix düzeltilebileni düzeltir.";
    ChosenAll: "{}: among all successful runs, of every command", "{}: her komutun bütün başarılı çalıştırmaları arasında";
    ChosenOfCommand: "{}: among the successful runs of the same command", "{}: aynı komutun başarılı çalıştırmaları arasında";
    ChosenOfCommandMatching: "{}: among the successful runs of the same command that match: {}", "{}: aynı komutun şununla eşleşen başarılı çalıştırmaları arasında: {}";
    ChosenMatching: "{}: among the successful runs that match: {}", "{}: şununla eşleşen başarılı çalıştırmalar arasında: {}";
    ImportedUndated: "not known (imported; the history keeps no date)", "bilinmiyor (içe aktarıldı; geçmişte tarih yok)";
    ImportedAt: "{} (imported)", "{} (içe aktarıldı)";
    ImportNoFile: "no history of {} is in its usual place; name it with --file", "{} geçmişi bilinen bir yerde yok; --file ile belirtin";
    ImportOffer: "{} {0|command stands|commands stand} in {}.", "{1} içinde {0} komut var.";
    ImportAsk: "Import them, secrets masked, so that the first list is not empty? [y/N]", "İlk liste boş kalmasın diye, gizli bilgiler maskelenerek içe aktarılsın mı? [e/H]";
    ImportDone: "{}: {} imported, {} known already, {} left out", "{}: {} içe aktarıldı, {} zaten biliniyordu, {} dışarıda bırakıldı";
    ImportLeftOut: "left out: {}", "dışarıda bırakılanlar: {}";
    ImportWithoutDate: "without a date: {} of the imported; the history has none, or one that cannot be true", "tarihsiz: içe aktarılanların {} tanesi; geçmişte tarih yok ya da olanaksız";
    ImportLooks: "bpctl commands: {}", "bpctl komutu: {}";
    ImportIgnored: "matching privacy rules: {}", "gizlilik kuralına uyan: {}";
    ImportSpaced: "beginning with a space: {}", "boşlukla başlayan: {}";
    ImportComments: "comments: {}", "açıklama: {}";
    ImportEmpty: "empty: {}", "boş: {}";
    ImportTooLong: "longer than 256 KiB: {}", "256 KiB’tan uzun: {}";
    ImportFromBash: "taken over from bash by fish: {}", "fish’in bash’ten aldığı: {}";
    ImportProgress: "Importing: {} % · {} lines", "İçe aktarılıyor: %{} · {} satır";
    ImportCannot: "the history of {} cannot be imported", "{} geçmişi içe aktarılamaz";
    ImportLater: "The history was not imported ({}); later: bpctl import {}", "Geçmiş içe aktarılamadı ({}); sonra: bpctl import {}";
    MendAsk: "Change the file so? [y/N]", "Dosya böyle değiştirilsin mi? [e/H]";
    MendedMade: "made {}", "{} oluşturuldu";
    MendedClosed: "{} is yours alone now", "{} artık yalnız sizin";
    MendedRemoved: "removed {}", "{} silindi";
    MendedStarted: "bpd was started", "bpd başlatıldı";
    MendedRestarted: "bpd was restarted", "bpd yeniden başlatıldı";
    MendedEdited: "{} was changed; open a new {}", "{} değiştirildi; yeni bir {} açın";
    MendedNot: "{} was changed by somebody meanwhile and stays as it is", "{} bu arada değişmiş, olduğu gibi kaldı";
    DoctorOpen: "others may enter it ({})", "başkaları girebilir ({})";
    NotADirectory: "not a directory", "dizin değil";
    AnotherUsers: "it belongs to another user", "başka bir kullanıcıya ait";
    OthersMayEnter: "others may enter it (chmod 700)", "başkaları girebilir (chmod 700)";
    NotOurs: "{} is not a directory of this user alone: {}; remove it or mend it", "{} yalnız bu kullanıcıya ait bir dizin değil: {}; silin ya da düzeltin";
    NoHome: "there is no home directory; set HOME or BP_HOME", "ev dizini yok; HOME ya da BP_HOME verin";
    RelativeHome: "BP_HOME must be an absolute path, not \"{}\"", "BP_HOME mutlak bir yol olmalı, \"{}\" değil";
    SocketPathTooLong: "the socket path {} has {} bytes, more than the {} that fit; choose a shorter BP_HOME", "soket yolu {} {} bayt, sığan {} bayttan uzun; daha kısa bir BP_HOME seçin";
    CannotUse: "cannot use {}", "{} kullanılamıyor";
    CannotRead: "cannot read {}", "{} okunamıyor";
    CannotWrite: "cannot write {}", "{} yazılamıyor";
    CannotRemove: "cannot remove {}", "{} silinemiyor";
    CannotStart: "cannot start {}", "{} başlatılamıyor";
    CannotTellHere: "cannot tell the current directory", "bulunulan dizin öğrenilemiyor";
    CannotTellProgram: "cannot tell where bpctl is", "bpctl'nin yeri öğrenilemiyor";
    SpoolFull: "{} runs wait in {} already; start bpd (`bpctl daemon start`) to deliver them", "{} çalıştırma zaten {} içinde bekliyor; teslim için bpd'yi başlatın (`bpctl daemon start`)";
    BpdAway: "bpd does not answer at {}; start it with `bpctl daemon start`", "bpd {} adresinde yanıt vermiyor; başlatmak için: `bpctl daemon start`";
    RefusedFinished: "the run has ended already", "bu çalıştırma zaten bitmiş";
    RefusedUnwritable: "nothing can be written to the data directory; `bpctl status` says why", "veri dizinine yazılamıyor; nedeni: `bpctl status`";
    RefusedDiskFull: "the disk is full; nothing is recorded until there is room", "disk dolu; yer açılana dek hiçbir şey kaydedilmez";
    RefusedStopping: "bpd is stopping", "bpd duruyor";
    RefusedBusy: "bpd has too much to do; try again", "bpd'nin işi çok; yeniden deneyin";
    RefusedTimeout: "the request did not arrive whole in time", "istek zamanında bütünüyle ulaşmadı";
    RefusedInternal: "bpd has failed; see `bpctl daemon logs`", "bpd'de hata oldu; bakın: `bpctl daemon logs`";
    RefusedMalformed: "bpd does not understand this bpctl; see `bpctl doctor`", "bpd bu bpctl'yi anlamıyor; bakın: `bpctl doctor`";
    RefusedNotYours: "this bpd serves another user", "bu bpd başka bir kullanıcıya hizmet ediyor";
    BpdSilent: "bpd is there at {}, but has not answered in time; see `bpctl doctor`", "bpd {} adresinde, ama zamanında yanıt vermedi; bakın: `bpctl doctor`";
    BpdBroke: "the connection to bpd broke", "bpd ile bağlantı koptu";
    BpdUnclear: "bpd's answer cannot be read", "bpd'nin yanıtı okunamıyor";
    BpdRuns: "bpd {} runs (pid {}): http://{}", "bpd {} çalışıyor (pid {}): http://{}";
    BpdRunsMute: "bpd runs (pid {}), but does not answer yet: {}", "bpd çalışıyor (pid {}), ama henüz yanıt vermiyor: {}";
    BpdStopped: "bpd has stopped", "bpd durdu";
    BpdNotRunning: "bpd is not running", "bpd çalışmıyor";
    BpdLingers: "bpd{} was told to stop {} s ago and still runs; see `bpctl daemon logs`", "bpd{} {} sn önce durdurulmak istendi, hâlâ çalışıyor; bakın: `bpctl daemon logs`";
    BpdDeaf: "bpd{} runs, but does not answer; `kill -9` ends it, and what it has acknowledged is kept", "bpd{} çalışıyor ama yanıt vermiyor; `kill -9` sonlandırır, onayladıkları saklıdır";
    DoctorHangs: "bpd{} runs, but does not answer: it hangs, or the machine is very busy", "bpd{} çalışıyor ama yanıt vermiyor: takılmış ya da makine çok yüklü";
    DoctorKill: "if it stays so: kill -9 {}; bpctl daemon start (what it has acknowledged is kept)", "böyle kalırsa: kill -9 {}; bpctl daemon start (onayladıkları saklıdır)";
    BpdMissing: "there is no bpd beside {} and none on the PATH; install both together", "{} yanında ve PATH'te bpd yok; ikisini birlikte kurun";
    BpdGaveUp: "bpd gave up: {}", "bpd vazgeçti: {}";
    BpdGaveUpMute: "bpd gave up ({}); see `bpctl daemon logs`", "bpd vazgeçti ({}); bakın: `bpctl daemon logs`";
    BpdOutdated: "the bpd that runs is another build ({}) than the installed one ({}); `bpctl daemon restart` starts that one", "çalışan bpd ({}) kurulu olandan ({}) başka bir derleme; `bpctl daemon restart` kurulu olanı başlatır";
    BpdStarting: "bpd (pid {}) is still starting after {} s; see `bpctl daemon logs`", "bpd (pid {}) {} sn sonra hâlâ açılıyor; bakın: `bpctl daemon logs`";
    BpdUnheard: "cannot hear bpd", "bpd dinlenemiyor";
    NoLog: "there is no log yet; bpd writes it to {}", "henüz günlük yok; bpd onu {} dosyasına yazar";
    NotOurUnit: "{} is not of bp's making; move it away first", "{} dosyasını bp yazmadı; önce başka yere taşıyın";
    ForeignUnitStays: "{} is not of bp's making and stays", "{} dosyasını bp yazmadı, yerinde kalıyor";
    Wrote: "wrote {}", "yazıldı: {}";
    Removed: "removed {}", "silindi: {}";
    NothingInstalled: "nothing was installed", "kurulu bir şey yoktu";
    Now: "now: {}", "şimdi: {}";
    ConfigWrong: "{}: `{}` {}", "{}: `{}` {}";
    ConfigRead: "bpd has read {}", "bpd {} dosyasını okudu";
    ConfigRight: "{} is right", "{} doğru";
    ConfigMissing: "there is no {}", "{} yok";
    ConfigNone: "there is no {}; every key has its default", "{} yok; her anahtar varsayılan değerinde";
    RunOptions: "`run` stands before its options; only --lang may stand before it: bpctl run --quiet -- COMMAND", "`run` seçeneklerinden önce yazılır; ondan önce yalnızca --lang gelebilir: bpctl run --quiet -- KOMUT";
    RunNoCommand: "there is no command to run", "çalıştırılacak komut yok";
    MoreWithHelp: "For more information, try '--help'.", "Daha fazlası için: '--help'";
    OptionForTag: "`{}` is an option, not a tag; a tag does not begin with a dash", "`{}` bir seçenek, etiket değil; etiket eksi ile başlamaz";
    RunNoOption: "there is no option {}", "{} diye bir seçenek yok";
    RunNeedsValue: "{} needs a value", "{} bir değer ister";
    RunNothingBehind: "nothing may follow -c STRING", "-c DİZGE ardından bir şey gelemez";
    RunNotFound: "{}: command not found", "{}: komut bulunamadı";
    RunNotStarted: "cannot start {}: {}", "{} başlatılamıyor: {}";
    RunNotExecutable: "{}: not executable: {}", "{}: çalıştırılabilir değil: {}";
    RunKept: "bpd is away, kept for later (bpctl daemon start)", "bpd yok, sonraya saklandı (bpctl daemon start)";
    RunNotRecorded: "not recorded: {}", "kaydedilmedi: {}";
    TooManyTags: "a run has at most {} tags", "bir çalıştırmanın en çok {} etiketi olur";
    NoTag: "{} is no tag: one word of at most {} bytes, no @ , ~ \" or braces", "{} etiket olamaz: en çok {} baytlık tek sözcük; @ , ~ \" ve küme ayracı olmaz";
    NoNote: "a note has at most {} bytes, and no NUL", "bir not en çok {} bayttır ve NUL içermez";
    DiffersArgs: "command", "komut";
    DiffersCwd: "directory", "dizin";
    DiffersBranch: "branch", "dal";
    DiffersCommit: "commit", "commit";
    DiffersHost: "host", "makine";
    DiffersShell: "shell", "kabuk";
    DiffersActor: "actor", "kim";
    DiffersExit: "exit code", "çıkış kodu";
    DiffersSignal: "signal", "sinyal";
    DiffersCpus: "CPUs", "CPU sayısı";
    DiffersLoad: "load", "yük";
    DiffersHostCpu: "the machine's CPU (%)", "makinenin CPU kullanımı (%)";
    DiffersPressureCpu: "CPU pressure (%)", "CPU sıkışması (%)";
    DiffersPressureMemory: "memory pressure (%)", "bellek sıkışması (%)";
    DiffersPressureIo: "disk pressure (%)", "disk sıkışması (%)";
    MetricTook: "took", "süre";
    MetricCpu: "CPU time", "CPU süresi";
    MetricUser: "  user", "  kullanıcı";
    MetricSystem: "  system", "  sistem";
    MetricCpuAverage: "CPU average", "CPU ortalama";
    MetricCpuP95: "CPU p95", "CPU p95";
    MetricCpuMax: "CPU max", "CPU en çok";
    MetricRssAverage: "RSS average", "RSS ortalama";
    MetricRssP95: "RSS p95", "RSS p95";
    MetricRssMax: "RSS max", "RSS en çok";
    MetricWait: "waiting for a CPU", "CPU beklemesi";
    MetricRead: "read", "okunan";
    MetricWritten: "written", "yazılan";
    MetricMinorFaults: "minor faults", "küçük sayfa hatası";
    MetricMajorFaults: "major faults", "büyük sayfa hatası";
    MetricVoluntary: "voluntary switches", "gönüllü geçiş";
    MetricInvoluntary: "involuntary switches", "zorunlu geçiş";
    MetricThreads: "threads at once", "iş parçacığı";
    MetricHostCpu: "machine's CPU", "makinenin CPU'su";
    MetricPressureCpu: "CPU pressure", "CPU sıkışması";
    MetricPressureMemory: "memory pressure", "bellek sıkışması";
    MetricPressureIo: "disk pressure", "disk sıkışması";
    QualityExact: "exact", "kesin";
    QualityCounter: "counter (nothing missed)", "sayaç (eksiksiz)";
    QualityTimes: "the shell's own accounting, to 1 ms", "kabuğun kendi hesabı, 1 ms";
    QualityTicks: "clock ticks, to 10 ms", "saat tıkları, 10 ms";
    QualitySampled: "sampled", "örneklenmiş";
}

/// Puts `values` in place of `{}` in order, or of `{0}`, `{1}` by number. `{0|run|runs}` is the first word when the
/// value of that number is 1, else the second.
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut next = 0;
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((number, after)) = behind.split_once('}') else { break };
        text.push_str(before);
        rest = after;
        if let Some((number, (one, many))) =
            number.split_once('|').and_then(|(number, words)| Some((number, words.split_once('|')?)))
        {
            let is_one =
                number.parse().ok().and_then(|at: usize| values.get(at)).is_some_and(|value| *value == "1");
            text.push_str(if is_one { one } else { many });
            continue;
        }
        let index = number.parse().unwrap_or(next);
        next += 1;
        text.push_str(values.get(index).copied().unwrap_or_default());
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_take_the_same_values() {
        // A choice between singular and plural takes no value of its own.
        let holes = |text: &str| {
            text.split('{').skip(1).filter(|hole| !hole.split('}').next().unwrap().contains('|')).count()
        };
        for word in Word::ALL {
            let (en, tr) = (word.text(Lang::En), word.text(Lang::Tr));
            assert!(!en.is_empty() && !tr.is_empty(), "{word:?}");
            assert_eq!(holes(en), holes(tr), "{word:?}");
        }
    }

    #[test]
    fn values_are_put_in_by_order_or_by_number() {
        assert_eq!(fill("run {}: {}", &["7", "make {}"]), "run 7: make {}");
        assert_eq!(fill("{1} before {0}", &["a", "b"]), "b before a");
        let waits = "{} {0|run waits|runs wait} in {}";
        assert_eq!(fill(waits, &["1", "x"]), "1 run waits in x");
        assert_eq!(fill(waits, &["0", "x"]), "0 runs wait in x");
        assert_eq!(fill(waits, &["12", "x"]), "12 runs wait in x");
    }

    #[test]
    fn turkish_has_a_dotted_capital() {
        assert_eq!(
            (Lang::Tr.capitals("belirsiz").as_str(), Lang::En.capitals("similar").as_str()),
            ("BELİRSİZ", "SIMILAR")
        );
    }

    #[test]
    fn a_language_is_known_by_its_tag() {
        assert_eq!(Lang::of("tr_TR.UTF-8"), Some(Lang::Tr));
        assert_eq!(Lang::of("en-US"), Some(Lang::En));
        assert_eq!(Lang::of("C"), None);
    }
}
