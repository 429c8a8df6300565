# Türkçe cümleler. Anahtarlar ve değişkenler en.ftl ile aynıdır. Sayıya ek getirilmez (%80'e / %90'a ayrımı doğmasın)
# ve sayıdan sonra çoğul kullanılmaz.

## Bir çalıştırma üzerine yorumlar

comment-lost = Bitişi bildirilmedi: kabuk ya da makine aradan çekildi. Değerler son örneğe kadardır.
comment-slower = Her zamankinden yavaş: { DURATION($duration_s) }, ortanca { DURATION($median_s) } ({ CHANGE($change) }){ $rank ->
    [1] ; { $runs } çalıştırmanın en yavaşı
   *[other] ; { $runs } çalıştırma içinde yavaşlıkta { $rank }. sırada
  }.
comment-contended = Nedeni makine olabilir: { $what ->
    [memory] makinede bir şeyler zamanın { PERCENT($percent) } kadarında bellek bekledi; her zamanki { PERCENT($usual) }
    [io] makinede bir şeyler zamanın { PERCENT($percent) } kadarında disk bekledi; her zamanki { PERCENT($usual) }
    [wait] çalıştırma, CPU istediği zamanın { PERCENT($percent) } kadarını bekleyerek geçirdi; her zamanki { PERCENT($usual) }
   *[cpu] makinede bir şeyler zamanın { PERCENT($percent) } kadarında CPU bekledi; her zamanki { PERCENT($usual) }
  }.
comment-faster = Her zamankinden hızlı: { DURATION($duration_s) }, ortanca { DURATION($median_s) } ({ CHANGE($change) }){ $rank ->
    [1] ; { $runs } çalıştırmanın en hızlısı
   *[other] ; { $runs } çalıştırma içinde hızda { $rank }. sırada
  }.
comment-mem-peak-high = { $against ->
    [machine] Bellek kullanımı en çok { SIZE($rss_max_mb) } oldu: makine belleğinin ({ SIZE($limit_mb) }) { PERCENT($share) } kadarı.
   *[usual] Bellek kullanımı en çok { SIZE($rss_max_mb) } oldu; her zamanki { SIZE($limit_mb) } ({ CHANGE($change) }).
  }
comment-cpu-avg-high = Ortalama CPU kullanımı { PERCENT($cpu_avg) } ile { PERCENT($threshold) } sınırının üzerinde; süre { DURATION($duration_s) } (%100 bir çekirdektir).
comment-short-run-no-curve = { DURATION($duration_s) } içinde bitti; eğri çizmeye yetmedi, toplamlar geçerli.

## Bir çalıştırma, bir başkasına karşı

verdict-faster = Daha hızlı: { DURATION($baseline_s) } yerine { DURATION($current_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-slower = Daha yavaş: { DURATION($baseline_s) } yerine { DURATION($current_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-faster-by-cpu = Daha az iş: { DURATION($baseline_s) } yerine { DURATION($current_s) } CPU süresi{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-slower-by-cpu = Daha çok iş: { DURATION($baseline_s) } yerine { DURATION($current_s) } CPU süresi{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-similar = Benzer: { DURATION($current_s) }, karşılaştırılan { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-unclear = Belirgin bir fark yok: { DURATION($current_s) }, karşılaştırılan { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-outside-usual = Alışılmış aralığın dışında: { DURATION($current_s) }, karşılaştırılan { DURATION($baseline_s) }{ $has_change ->
    [no] {""}
   *[yes] {" "}({ CHANGE($change) })
  }.
verdict-not-comparable = Bu iki çalıştırma karşılaştırılamaz.

reason-rough = Kaba bir karşılaştırma: bu komutun { $runs ->
    [0] karşılaştırılabilir başka çalıştırması henüz yok
    [1] karşılaştırılabilir yalnızca bir çalıştırması daha var
   *[other] karşılaştırılabilir yalnızca { $runs } çalıştırması daha var
  }; olağan dalgalanması bilinmiyor.
reason-within-noise = Fark, olağan dalgalanmanın içinde.
reason-outside-usual = { $direction ->
    [fast] { $rank ->
        [1] { $runs } çalıştırmanın en hızlısı
       *[other] { $runs } çalıştırma içinde hızlılıkta { $rank }. sırada
      }
   *[slow] { $rank ->
        [1] { $runs } çalıştırmanın en yavaşı
       *[other] { $runs } çalıştırma içinde yavaşlıkta { $rank }. sırada
      }
  }; alışılmış aralık olan { DURATION($low_s) } ile { DURATION($high_s) } arasının dışında. Bu komut, kesin bir hüküm için fazla değişken.
reason-too-small = Fark, hüküm vermek için çok küçük.
reason-within-range = Bu kadar süren çalıştırmalar bu komut için olağan.
reason-baseline-unusual = Karşılaştırılan çalıştırmanın kendisi olağan dışıydı.
reason-by-cpu = Geçen süre tek başına bir şey söylemiyor; daha sakin bir tanık olan CPU süresi söylüyor.
reason-more-cpu-work = Daha çok iş yaptı: CPU süresi { CHANGE($change) }.
reason-less-cpu-work = Daha az iş yaptı: CPU süresi { CHANGE($change) }.
reason-less-parallel = Daha az paralel çalıştı: ortalama CPU { PERCENT($baseline) } yerine { PERCENT($current) }.
reason-more-parallel = Daha çok paralel çalıştı: ortalama CPU { PERCENT($baseline) } yerine { PERCENT($current) }.
reason-more-waiting = Daha uzun bekledi: CPU kullanmadan { DURATION($baseline) } yerine { DURATION($current) }.
reason-less-waiting = Daha az bekledi: CPU kullanmadan { DURATION($baseline) } yerine { DURATION($current) }.
reason-more-memory = Daha çok bellek kullandı: en çok { SIZE($baseline) } yerine { SIZE($current) } ({ CHANGE($change) }).
reason-less-memory = Daha az bellek kullandı: en çok { SIZE($baseline) } yerine { SIZE($current) } ({ CHANGE($change) }).
reason-host-busy = Çalıştırmalardan birinde makine daha meşguldü (yük { NUMBER($current) }, ötekinde { NUMBER($baseline) }); geçen süre bir şey kanıtlamaz.
reason-contended = Çalıştırmalardan birinde makine sıkışıktı: { $what ->
    [memory] makinede bir şeyler zamanın { PERCENT($current) } kadarında bellek bekledi, ötekinde { PERCENT($baseline) }
    [io] makinede bir şeyler zamanın { PERCENT($current) } kadarında disk bekledi, ötekinde { PERCENT($baseline) }
    [wait] çalıştırma, CPU istediği zamanın { PERCENT($current) } kadarını bekleyerek geçirdi, ötekinde { PERCENT($baseline) }
   *[cpu] makinede bir şeyler zamanın { PERCENT($current) } kadarında CPU bekledi, ötekinde { PERCENT($baseline) }
  }; geçen süre bir şey kanıtlamaz.
reason-unfinished = İkisinden biri tamamlanmadı.
reason-no-duration = İkisinden birinin süresi bilinmiyor.
reason-exit-code = Farklı çıkış kodlarıyla bittiler ({ $current } ve { $baseline }).
reason-args = Bunlar farklı komutlar.
reason-place = Farklı yerlerde çalıştılar.
reason-host = Farklı makinelerde çalıştılar.
reason-hidden = İkisinden birinin metni gizli.

## Uyarılar

alert-cpu-high-firing = { $command }{ $placed ->
    [yes] {" "}({ $project })
   *[no] {""}
  }, { DURATION($above_s) } süredir yüksek CPU kullanıyor: en çok { PERCENT($peak) } (eşik { PERCENT($threshold) }).
alert-cpu-high-ended = { $command }{ $placed ->
    [yes] {" "}({ $project })
   *[no] {""}
  } en çok { PERCENT($peak) } CPU kullandı; { PERCENT($threshold) } eşiğinin üzerinde { DURATION($above_s) } geçirdikten sonra bitti.
alert-host-cpu-firing = Makine { DURATION($above_s) } süredir yüksek CPU kullanıyor: en çok { PERCENT($peak) } (eşik { PERCENT($threshold) }){ $named ->
    [yes] ; en çok yakan komut: { $command }
   *[no] {""}
  }.
alert-host-cpu-ended = Makine en çok { PERCENT($peak) } CPU kullandı; { PERCENT($threshold) } eşiğinin üzerinde { DURATION($above_s) } geçirdikten sonra duruldu{ $named ->
    [yes] ; en çok yakan komut: { $command }
   *[no] {""}
  }.

alert-title-cpu-high = Yüksek CPU: { $command }
alert-title-host-cpu = Makine meşgul
alert-no-command = bir komut
alert-open = Çalıştırmayı aç

## Yanıtı olmayan sorular

refused-store-failed = depo çalışmadı
refused-limit = `limit` { $limit }; 1 ile { $most } arasında olabilir
refused-step = `step` 0
refused-max-points = `max_points` 0
refused-cwd = `cwd` tam bir dizin yolu değil
refused-cursor = `before` bir imleç değil: { $cursor }
refused-actor = `actor` bilinmiyor: { $actor }
refused-abandoned = soran istemci ayrıldığı için arama bitirildi
refused-zone = Bilinmeyen saat dilimi: `{ $zone }`
refused-terms = Aramada { $terms } terim var; sınır { $most }
refused-field = Aramanın { $at }. karakterinde bilinmeyen alan: `{ $field }`
refused-value = Aramanın { $at }. karakterinde, `{ $term }` içinde: { $field } alanına { $wanted ->
    [exit] bir çıkış kodu
    [state] running, stopped, background, finished, left ya da lost
    [id] bir çalıştırma numarası
    [cwd] tam bir dizin yolu (`.` yerine bpctl koyar)
    [actor] human, ci, agent ya da agent:AD
    [duration] bir süre
    [percent] bir yüzde
    [size] bir boyut
    [time] bir süre, gün, saat ya da bunların aralığı
    [yes] yes ya da no (evet, hayır)
   *[value] bir değer
  } gerekir
refused-selector = { $selector } hiçbir çalıştırmayı göstermiyor
refused-own-baseline = { $run } numaralı çalıştırma kendisiyle karşılaştırılamaz
refused-run = böyle bir çalıştırma yok: { $selector }
refused-no-run = { $selector } hiçbir çalıştırmaya uymuyor
refused-baseline = bu komutun { $run } numaralı çalıştırmasından önce { $selector } yok
refused-ambiguous = birden çok çalıştırmanın ULID’si { $prefix } ile başlıyor

hint-log = nedeni bpd günlüğünde
hint-pages = sonraki sayfaları `before` ile isteyin
hint-newest = en yeni 50 için belirtmeyin
hint-every-sample = 1 her örneği verir
hint-all-points = bütün noktalar için belirtmeyin
hint-cwd = örneğin cwd=/home/me/app
hint-cursor = önceki sayfanın son çalıştırmasının numarasıdır, ya da Link başlığındaki imleç
hint-actor = human, ci, agent ya da agent:AD
hint-abandoned = yeniden sorun
hint-zone = Örneğin Europe/Istanbul
hint-terms = Birkaçını çıkarın
hint-fields = Alanlar: { $fields }. Metnin kendisi için: { $quoted }
hint-example = Örneğin { $example }
hint-selectors = bir çalıştırma numarasıyla, ULID’sinin başıyla, latest, latest-success, latest-failed, running, slowest, fastest, median, @ETİKET ile gösterilir; latest…, slowest, fastest ve median bir arama alabilir: 'slowest{"{"}ARAMA{"}"}'; her biri ~N ile geriye gider
hint-candidates = en yeni çalıştırmalar: { $runs }
hint-nothing-recorded = henüz hiçbir şey kaydedilmedi
hint-no-baseline = “{ $command }” komutunun karşılaştırılabilecek başka başarılı çalıştırması yok: bir kez daha çalıştırın ya da başka birini numarasıyla belirtin
hint-ambiguous = şunlardan biri olabilir: { $ids }

## Olması gerektiği gibi çalışmayanlar

trouble-alerts-off = uyarılar çalışmadı ve kapalı, nedeni bpd günlüğünde
trouble-config-unreadable = { $path } okunamıyor: { $why }
trouble-config-syntax = bu TOML değil: { $message }
trouble-config-unknown-key = `{ $key }` diye bir anahtar yok; olanlar: { $known }
trouble-config-table = bir tablo olmalı: { $written } yazın
trouble-config-flag = true ya da false olmalı
trouble-config-number = { $low } ile { $high } arasında bir sayı olmalı
trouble-config-text = tırnak içinde bir metin olmalı
trouble-config-texts = köşeli ayraç içinde bir metin listesi olmalı: ["…", "…"]
trouble-config-texts-quoted = tırnak içinde metinlerden bir liste olmalı
trouble-config-scale = "core" (100 = bir çekirdek) ya da "host" (100 = hepsi) olmalı
trouble-config-lang = "tr" ya da "en" olmalı
trouble-config-log = şunlardan biri olmalı: { $levels }; ya da "bpd::ipc=debug,info" gibi PARÇA=DÜZEY çiftleri
trouble-config-address = bir port ya da portuyla bir loopback adresi olmalı, örneğin "127.0.0.1:7717"
trouble-config-address-elsewhere = bir port ya da portuyla bir loopback adresi olmalı, örneğin "127.0.0.1:7717"; bp başka bir makinenin ulaşabileceği yerde dinlemez
trouble-config-patterns = en çok { $most } desen alır
trouble-config-pattern-size = 1 ile { $most } bayt arası desenler alır
trouble-config-pattern = okunamayan bir desen içeriyor: { $why }
trouble-config-dirs = en çok { $most } dizin alır
trouble-config-dir = tam yollar, ya da ~/ ile başlayanları alır
trouble-config-dir-home = ~ için bir ev dizini gerekir; HOME verin
trouble-config-more = ve { $count } yanlış daha
trouble-disk-full = { $dir } dizininin diski dolu; orada yer açılana dek hiçbir şey kaydedilmiyor
trouble-disk-nearly-full = { $dir } dizininin diski dolmak üzere; orada yer açılana dek eğriler yalnızca bellekte tutuluyor
trouble-file-moved = { $path } kullanılamadı; artık adı { $to } ({ $why })
trouble-index-failed = dizin bozuldu ve günceden yeniden kuruldu ({ $why })
trouble-index-in-memory = dizin bellekte tutuluyor: { $why }
trouble-index-lost = dizin yeniden kurulamıyor: { $why }
trouble-index-rebuilt = dizin günceye uymuyordu ve ondan yeniden kuruldu ({ $why })
trouble-journal-damaged = günce { $places } yerde bozuk; { $bytes } baytı atlandı
trouble-journal-unreadable = güncenin { $records } kaydı okunamadı ve atlandı
trouble-not-erased = silinen bir çalıştırmanın metni diskten silinemedi: { $why }
trouble-old-config = eski ayarlar geçerli kalıyor: { $why }
trouble-port-taken = { $port } portu dolu; pano ve API bunun yerine http://{ $address } adresinde
trouble-program-replaced = { $path } yolundaki bpd, çalışandan başka bir derleme; `bpctl daemon restart` yenisini başlatır
trouble-record-damaged = { $run } numaralı çalıştırmanın bir kaydı bozuk: { $why }
trouble-store-unwritable = { $dir } dizinine yazılamıyor: { $why }; saklananlar okunabilir, yazılabildiğinde kayıt sürer
trouble-vanished = { $dir } yok oldu; hiçbir kabuk bpd'yi bulamıyor
