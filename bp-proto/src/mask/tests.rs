//! Lines as people type them. In a line that bears secrets, `«…»` goes around what must go; all else must stay.

use super::{Kept, MASK, keep, mask};
use crate::MAX_COMMAND_BYTES;

/// No value here was ever valid.
const SECRETS: &[(&str, &str)] = &[
    // Assignments.
    ("PASSWORD=«hunter2» make deploy", "assignment"),
    ("export GITHUB_TOKEN=«abc123def456»", "assignment"),
    ("export DB_PASSWORD='«my pass; word»'", "assignment"),
    ("DB_PASSWORD=\"«s3cret value»\" ./run.sh", "assignment"),
    ("PGPASSWORD=«s3cr3t» psql -h db -U app", "assignment"),
    ("MYSQL_PWD=«geheim99» mysql -u root shop", "assignment"),
    ("docker run -e POSTGRES_PASSWORD=«p0stgr3s» -p 5432:5432 postgres", "assignment"),
    ("docker run --env=API_KEY=«k-12345» app", "assignment"),
    ("docker build --build-arg NPM_TOKEN=«tok123abc» .", "assignment"),
    ("java -Djavax.net.ssl.keyStorePassword=«changeit2» -jar app.jar", "assignment"),
    ("mvn -Dspring.datasource.password=«qwerty1» test", "assignment"),
    ("helm install db bitnami/postgresql --set auth.postgresPassword=«pgpass9»", "assignment"),
    ("sqlcmd -C \"Server=db;User Id=sa;Password=«Str0ng»;Encrypt=yes\"", "assignment"),
    (
        "az storage blob list --connection-string 'AccountName=a;AccountKey=«Zm9vYmFy/4/5+9==»;X=1'",
        "assignment",
    ),
    ("mount -t cifs //nas/x /mnt -o username=me,password=«nas123»,uid=1000", "assignment"),
    ("set -gx OPENAI_API_KEY «abcdef123»", "assignment"),
    ("setenv AUTH_TOKEN «abcdef123»", "assignment"),
    ("git config --global github.token «0a1b2c3d4e»", "assignment"),
    ("npm config set //registry.example.org/:_authToken «n0tatoken»", "assignment"),
    ("aws configure set aws_secret_access_key «wJalrXUtnFEMIK7MDENG»", "assignment"),
    ("SECRET_KEY_BASE=«0f1e2d3c» rails s", "assignment"),
    ("curl -d 'user=ali&password=«sifre123»' https://example.org/login", "assignment"),
    ("bash -c 'export TOKEN=«abc123»; ./go'", "assignment"),
    ("DB_PASS=\"«a$b1»\" ./x", "assignment"),
    ("TOKEN='«$notavariable»' ./x", "assignment"),
    // Flags.
    ("mytool --password «hunter2» --verbose", "flag"),
    ("mytool --password=«hunter2» --verbose", "flag"),
    ("gh-thing --token «abc123def» list", "flag"),
    ("vault-thing --client-secret '«s e c r e t»' go", "flag"),
    ("keytool -list -keystore k.jks -storepass «changeit9»", "flag"),
    ("kubeadm join 10.0.0.1:6443 --token «abcdef.0123456789abcdef»", "flag"),
    ("gpg --batch --passphrase «letmein1» -d f.gpg", "flag"),
    ("influx -username a -password «b4d»", "flag"),
    ("wget --http-user=me --http-password=«pw0rd» https://example.org/f", "flag"),
    ("sentry-cli --auth-token «0123abcd» releases list", "flag"),
    ("stripe --api-key «zzz111» get /v1/charges", "flag"),
    ("clickhouse-client --host h --password «ch0use»", "flag"),
    ("mysql --user=root --password=«r00t» shop", "flag"),
    // Headers.
    ("curl -H 'Authorization: Bearer «abc.def-123»' https://api.example.org", "header"),
    ("curl -H \"authorization: token «0123456789abcdef»\" https://api.example.org", "header"),
    ("curl -H 'X-Api-Key: «k3y»' https://api.example.org", "header"),
    ("curl --header 'PRIVATE-TOKEN: «tok-en-9»' https://gitlab.example.org/api", "header"),
    ("curl --header=\"X-Vault-Token: «v4ult»\" https://vault", "header"),
    ("curl -H 'Cookie: «session=abc; id=9»' https://example.org", "header"),
    ("http GET example.org Authorization:«abc123» page==2", "header"),
    ("curl -H Authorization:\\ Basic\\ «dXNlcjpwYXNz» https://example.org", "header"),
    ("ssh web 'curl -H \"Authorization: Bearer «abc123»\" localhost'", "header"),
    // URLs.
    ("git clone https://ali:«parola1»@git.example.org/x.git", "url"),
    ("psql postgres://app:«s3cret»@db:5432/shop", "url"),
    ("pip install --index-url https://u:«p4ss»@pypi.example.org/simple x", "url"),
    ("DATABASE_URL=mysql://root:«r00t!»@localhost/x rake db:migrate", "url"),
    ("redis-cli -u redis://:«s3cret»@cache:6379", "url"),
    ("git clone https://«0123456789abcdef01234567»@git.example.org/x.git", "url"),
    ("curl 'https://api.example.org/v1?api_key=«0123abc»&page=2'", "url-query"),
    ("wget \"https://s3.example.org/f?X-Amz-Date=20260101&X-Amz-Signature=«deadbeef01»\"", "url-query"),
    // JSON.
    ("curl -d '{\"user\":\"ali\",\"password\":\"«hunter2»\"}' https://example.org", "json"),
    ("curl -d \"{\\\"token\\\": \\\"«abc123»\\\", \\\"n\\\": 1}\" https://example.org", "json"),
    // Programs.
    ("curl -u ali:«parola1» https://example.org", "program"),
    ("curl --user 'ali:«pa rola»' https://example.org", "program"),
    ("curl -uali:«parola1» https://example.org", "program"),
    ("mysql -u root -p«geheim» shop", "program"),
    ("mysqldump -uroot -p'«g e h»' shop > dump.sql", "program"),
    ("docker exec -it db mysql -uroot -p«geheim» shop", "program"),
    ("sshpass -p «pw1» ssh host", "program"),
    ("sshpass -p'«pw1»' ssh host", "program"),
    ("redis-cli -h cache -a «s3cret» ping", "program"),
    ("mongosh -u admin -p «m0ngo» --authenticationDatabase admin", "program"),
    ("ldapsearch -x -D cn=admin -w «ld4p» -b dc=x", "program"),
    ("smbclient //nas/x -U ali%«parola1»", "program"),
    ("docker login -u ali -p «parola1» registry.example.org", "program"),
    ("unzip -P «z1p» a.zip", "program"),
    ("7z x -p«sev3n» a.7z", "program"),
    ("openssl enc -aes-256-cbc -pass pass:«0penssl» -in a", "program"),
    ("openssl rsa -in k -passin pass:«0penssl»", "program"),
    ("htpasswd -bc .htpasswd ali «parola1»", "program"),
    ("sqlplus scott/«tiger1»@db", "program"),
    ("nmcli dev wifi connect Ev password «wifi1234»", "program"),
    ("vault login «s.0123456789»", "program"),
    ("http -a ali:«parola1» example.org", "program"),
    ("sudo -S apt update <<< «sudo1»", "piped"),
    ("kubectl create secret generic db --from-literal=user=«ali9» --from-literal=x='«p w»'", "secret-store"),
    ("fly secrets set FOO=«bar1» BAZ=«qux2»", "secret-store"),
    ("gh secret set NAME --body «v4lue»", "secret-store"),
    ("echo «sudo1» | sudo -S apt update", "piped"),
    ("echo \"«parola1»\" | docker login -u ali --password-stdin", "piped"),
    ("printf '%s' «parola1» | docker login --password-stdin", "piped"),
    // Issuers' prefixes.
    ("echo «ghp_0123456789abcdefABCDEF0123456789abcd»", "token"),
    ("x «github_pat_11ABCDEFG0123456789_abcdefgh»", "token"),
    ("x «glpat-abcdEFGH1234_5678-90»", "token"),
    ("x «AKIAIOSFODNN7EXAMPLE»", "token"),
    ("x «sk-ant-api03-0123456789abcdefghij-AA»", "token"),
    ("x «sk_live_0123456789abcdef»", "token"),
    ("x «xoxb-123456789012-abcdefABCDEF»", "token"),
    ("x «AIzaSyA0123456789abcdefghijklmnopqrstuv»", "token"),
    ("x «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl»", "token"),
    ("x «npm_0123456789abcdefghijABCDEFGHIJ012345»", "token"),
    ("x «hvs.0123456789abcdefghijABCD»", "token"),
    ("x «dckr_pat_0123456789abcdefghijABC»", "token"),
    ("curl -d '{}' https://hooks.slack.com/services/«T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX»", "token"),
    ("curl https://api.telegram.org/bot«123456789:AAabcdefghijklmnopqrstuvwxyz0123456»/getMe", "token"),
    ("echo '-----BEGIN RSA PRIVATE KEY-----«\nMIIE\nabc\n»-----END RSA PRIVATE KEY-----' > k", "token"),
    ("git push https://x:«ghp_0123456789abcdefABCDEF0123456789abcd»@github.com/a/b", "url"),
    // Code.
    ("python3 -c \"import requests; requests.get('https://x', auth=('ali', '«Gi7zLi2x»'))\"", "code"),
    ("python -c 's.login(\"ali@x.tr\",\"«mQ8zrTw2»\")'", "code"),
    ("ruby -e \"r.basic_auth('admin', '«zX9pLm4Q»')\"", "code"),
    ("php -r \"new PDO('mysql:host=h', 'root', '«gizli42»');\"", "code"),
    ("node -e \"require('jsonwebtoken').sign({id:1}, '«q7Zt0pLw9xR4»')\"", "code"),
    ("perl -e '%c=(\"password\"=>\"«tavuk77»\");'", "code"),
    ("python - <<EOF\ns.login('ali', '«tavuk77»')\nEOF", "code"),
    ("node -e \"f({user:'ali',password:'«Kp7vQ2xR»'})\"", "json"),
    // What people tell.
    ("# modem kullanıcı admin şifre «4boHNcms»", "assignment"),
    ("# vpn password is «7hGt!2qPz»", "assignment"),
    ("echo 'db user app pass «x9Qm2Lp7»' >> TODO.md", "phrase"),
    ("cat <<< \"[client]\npassword = «Rt8yQp2x»\" > x.ini", "phrase"),
    ("@'\npassword = «Rt8yQp2x»\n'@ | Set-Content x.ini", "phrase"),
    ("$env:API_TOKEN = \"«win7okenXY»\"", "assignment"),
    ("printf 'user=%s\\npassword=%s\\n' ali «tG7hYq2p» > x", "printed"),
    ("cat > ~/.pgpass <<EOF\ndb:5432:*:app:«pgPw1»\nEOF", "assignment"),
    ("sudo smbpasswd -s -a ali <<EOF\n«Hy6tGr4f»\n«Hy6tGr4f»\nEOF", "piped"),
    // Other terminals.
    ("tmux send-keys -t a:0.1 '«oWLsQ4Fd_gl8uI»' Enter", "typed"),
    ("screen -S x -X stuff '«qW8eRt2y»\\n'", "typed"),
    ("expect -c 'expect \"assword:\"; send \"«kedi»\\r\"'", "typed"),
    // Programs by their own rules.
    ("& 'C:\\Program Files\\7-Zip\\7z.exe' a -p«dQA3EHCm» x.7z", "program"),
    ("net use Z: \\\\srv\\pay \"«Yaz2023!»\" /user:F\\ali", "program"),
    ("oathtool --totp -b «Y3LHHMAMQKI4HD76NDAN»", "program"),
    ("secretsdump.py FIRMA/ali:«Gh6jKl9z»@10.0.0.4", "program"),
    ("vault operator unseal «q8ZxPLm2RtYv7BnKs4=»", "program"),
    ("yes '«Marti45»' | head -2 | sudo smbpasswd -a -s nas", "piped"),
    ("rsync --password-file=<(echo «RsyncPw7») a rsync://u@h/m", "piped"),
    ("mongosh --eval 'db.auth(\"app\",\"«Manti1923»\")'", "code"),
    ("redis-cli ACL SETUSER app on '>«q8Lm2Zx9»' ~* +@all", "program"),
    ("skopeo copy --src-creds u:«Dut1923» docker://a docker://b", "program"),
    ("crudini --set x.ini db password «Crud1234»", "assignment"),
    ("alias db='mysql -uroot -p«AliasDb3»'", "program"),
    ("echo '0 3 * * * mysqldump -uroot -p«CronPw6» x' | crontab -", "program"),
    ("multipass exec x -- sudo chpasswd <<< \"«ubuntu:MpPw77»\"", "piped"),
    ("cat > ~/.netrc <<EOF\nlogin ali\npassword «NetrcPw33»\nEOF", "assignment"),
    ("[System.Net.NetworkCredential]::new('ali','«NetCred55»')", "code"),
    ("irm x -Headers @{Authorization=\"Bearer «a8kd92lmqp»\"}", "assignment"),
    ("newtool sync -w «oWLsQ4Fd_gl8uI» x", "look"),
    ("newtool '«S?p!T9MRSRE&pY»' x", "look"),
];

const HARMLESS: &[&str] = &[
    "ls -la",
    "cd ~/src",
    "make -j8",
    "cargo test --workspace",
    "git status",
    "git commit -m 'fix: the --password flag'",
    "git commit -m \"mask tokens, passwords and secrets\"",
    "git checkout -b token-refresh",
    "git log --oneline -n 5",
    "git show HEAD:secret.rs",
    "git push origin token:main",
    "git diff main..password-reset -- src/auth.rs",
    "git config credential.helper store",
    "git config --get github.token",
    "git rebase -i 0123456789abcdef0123456789abcdef01234567",
    "git clone git@github.com:a/b.git",
    "git clone https://github.com/a/b",
    "git clone ssh://git@host:22/a/b",
    "docker run -p 80:80 nginx",
    "docker run -p 127.0.0.1:5432:5432 -v token:/data postgres",
    "docker login",
    "docker login -u ali --password-stdin < f",
    "docker build --secret id=npm,src=.npmrc .",
    "docker ps -a",
    "docker compose -p shop up",
    "docker run -e TOKEN app",
    "docker run -e TOKEN=$TOKEN app",
    "docker exec -it db mysql -uroot -p shop",
    "mysql -p db",
    "mysql -u root -p",
    "mysql -h db -P 3306 shop",
    "mysql --password db",
    "mysql -u root --password",
    "psql -h db -p 5432 -U app",
    "psql --password shop",
    "psql postgres://app@db:5432/shop",
    "psql postgres://app:$PW@db/shop",
    "ssh -p 22 host",
    "ssh -i ~/.ssh/id_rsa host",
    "scp -P 2222 f host:/tmp",
    "ssh-keygen -t ed25519 -f key",
    "ssh -L 8080:localhost:80 host",
    "rsync -avz --password-file=/etc/rsync.pw a b",
    "curl -s https://example.org",
    "curl -u ali https://example.org",
    "curl -u $USER:$PASS https://example.org",
    "curl -u \"${USER}:${PASS}\" https://example.org",
    "curl -p https://example.org",
    "curl -H 'Accept: application/json' https://example.org",
    "curl -H \"Authorization: Bearer $TOKEN\" https://example.org",
    "curl -H \"Authorization: Bearer ${TOKEN}\" https://example.org",
    "curl -H \"Authorization: Bearer $(gcloud auth print-access-token)\" https://x",
    "curl -H 'Authorization: Bearer <token>' https://example.org",
    "curl -H 'Content-Type: text/plain' -d @body.json https://x",
    "curl 'https://example.org/?page=2&sort=name'",
    "curl https://example.org/?q=token",
    "curl http://[::1]:7717/runs?key=abc",
    "export PASSWORD",
    "export TOKEN=$(cat ~/.token)",
    "export TOKEN=`cat x`",
    "TOKEN=$1 ./run",
    "TOKEN=\"$OTHER\" ./run",
    "PASSWORD= ./run",
    "PASSWORD='' ./run",
    "unset GITHUB_TOKEN",
    "echo $GITHUB_TOKEN",
    "echo \"$DB_PASSWORD\" | sudo -S ls",
    "env | grep -i token",
    "PWD=/tmp make",
    "OLDPWD=/x cd -",
    "TOKENIZERS_PARALLELISM=false python train.py",
    "MAX_TOKENS=4096 python run.py",
    "python train.py --max_tokens 100 --tokenizer bpe",
    "python gen.py --max-token 100",
    "TOKEN_FILE=/run/token ./x",
    "GOOGLE_APPLICATION_CREDENTIALS=/home/ali/gcp.json terraform plan",
    "PASSWORD_STORE_DIR=~/.pass pass show mail",
    "SSH_AUTH_SOCK=/tmp/agent.1 ssh-add -l",
    "ansible-playbook --private-key ~/.ssh/id_rsa site.yml",
    "ansible-playbook --vault-password-file pw.txt x.yml",
    "ansible-playbook --ask-vault-pass site.yml",
    "gh auth status --show-token",
    "gh auth login --with-token < f",
    "gh pr list --search token",
    "kubectl get secret db -o jsonpath='{.data.password}'",
    "kubectl create secret generic db --from-file=./pw.txt",
    "kubectl get secrets -n prod",
    "vault kv get secret/db",
    "vault login -method=oidc",
    "helm install --set image.tag=1.2.3 x ./chart",
    "aws s3 ls s3://bucket/token/",
    "aws configure list",
    "terraform apply -var-file=prod.tfvars",
    "sha256sum f",
    "echo e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "nix-shell -p openssl",
    "tar -cpf a.tar x",
    "mkdir -p a/b",
    "cp -pr a b",
    "ps -p 1234",
    "lsof -p 1234",
    "perf record -p 1234",
    "7z x a.7z",
    "7z x -p a.7z",
    "zip -r a.zip x",
    "unzip -p a.zip f",
    "rar x -p- a.rar",
    "redis-cli -p 6379 ping",
    "mongosh --port 27017",
    "openssl rsa -in k -passin env:PW",
    "openssl req -new -key k.pem",
    "openssl s_client -connect h:443",
    "keytool -list -keystore k.jks",
    "htpasswd -c f ali",
    "sudo -u ali whoami",
    "sudo apt install pass",
    "grep -rn 'password' src/",
    "grep -E 'token=.*' log",
    "rg 'password\\s*=' src",
    "sed -n '/secret/p' f",
    "awk -F= '/token=/{print $2}' f",
    "find . -name '*token*' -print",
    "vim src/password.rs",
    "cat /run/secrets/db_password",
    "less token.txt",
    "man passwd",
    "passwd",
    "npm run test:token",
    "npm login",
    "npm config set registry https://registry.npmjs.org",
    "npm publish --access public",
    "yarn add jsonwebtoken",
    "pip install passlib",
    "cargo add secrecy",
    "cargo run -- --token-count 5",
    "cargo publish --token $CARGO_TOKEN",
    "my --password",
    "my --password --verbose",
    "my --token=\"$T\"",
    "my --no-password x",
    "my --password-stdin x",
    "my --secret-name db x",
    "my --api-key {{ key }}",
    "my --token your-token-here",
    "my --password ***",
    "my --password xxxxxx",
    "my --token env:TOKEN",
    "conda create -n scikit-learn-experiments-project",
    "task-runner sk-learn-a-long-branch-name-here",
    "ffmpeg -i a.mp4 -passlogfile x -pass 1 b.mp4",
    "bpctl run -- make",
    "for i in 1 2 3; do echo $i; done",
    "echo 'pass: 12 fail: 0'",
    "x=1 y=2 ./go",
    "printf '%s:%s\\n' \"$U\" \"$P\" | sudo chpasswd",
    "printf 'password=%s\\n' \"$PW\" > f",
    "ansible-vault encrypt_string --stdin-name db_password --vault-id prod@prompt",
    "gcloud sql users set-password root --instance=x --prompt-for-password",
    "bw unlock --passwordenv BW_PASSWORD --raw",
    "security find-generic-password -s openai-api-key -w 2>/dev/null",
    "ConvertTo-SecureString $env:PFX_PASSWORD -AsPlainText -Force",
    "my --password $script:pw --token !MY_TOKEN!",
    "python -c \"import getpass; getpass.getpass('Password: ')\"",
    "python -c \"requests.get(u, auth=(os.environ['U'], os.environ['P']))\"",
    "node -e \"['username','password','email'].forEach(f)\"",
    "# şifre sıfırlama ekranı düzeltilecek",
    "git commit -m 'password hashing: argon2id instead of sha256'",
    "git commit -m 'token ABC-1234 expiry'",
    "tmux send-keys -t 0 'make test' Enter",
    "expect -c 'expect \"$ \"; send \"uptime\\r\"'",
    "net use Z: \\\\srv\\pay * /user:ali",
    "cat > x.ts <<'EOF'\ninterface User { name: string; password: string }\nEOF",
    "convert 'Fatura#12A.pdf' x.png",
    "echo \"Şifre: yanlış\"",
    "echo \"şifre: ${SIFRE:0:2}***\"",
    "echo 'alias ll=\"ls -la\"' >> ~/.bashrc",
    "grpcurl -plaintext localhost:50051 list",
    "kubectl get secret db2prod99 -o yaml",
    "printf 'Authorization: Bearer %s\\n' \"$TOKEN\" | curl -H @- https://x",
    "newtool -p MyProject2024 'Merhaba Dünya!' 'HEAD~2' name@Host1.example",
];

fn secret_line(marked: &str) -> (String, String) {
    let line = marked.replace(['«', '»'], "");
    let mut wanted = String::new();
    let mut rest = marked;
    while let Some((before, tail)) = rest.split_once('«') {
        let (_, after) = tail.split_once('»').expect("every « has its »");
        wanted.push_str(before);
        wanted.push_str(MASK);
        rest = after;
    }
    wanted.push_str(rest);
    (line, wanted)
}

#[test]
fn a_secret_goes_and_the_rest_of_the_line_stays() {
    assert!(SECRETS.len() >= 60);
    let mut wrong = Vec::new();
    for (marked, rule) in SECRETS {
        let (line, wanted) = secret_line(marked);
        let masked = mask(&line);
        if masked.text != wanted || !masked.rules.iter().any(|named| named == rule) {
            wrong.push(format!(
                "{line}\n  wanted {wanted} [{rule}]\n  got    {} {:?}",
                masked.text, masked.rules
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), SECRETS.len(), wrong.join("\n"));
}

#[test]
fn a_harmless_line_stays_as_it_is() {
    assert!(HARMLESS.len() >= 100);
    let mut wrong = Vec::new();
    for line in HARMLESS {
        let masked = mask(line);
        if masked.text != *line || !masked.rules.is_empty() {
            wrong.push(format!("{line}\n  got {} {:?}", masked.text, masked.rules));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), HARMLESS.len(), wrong.join("\n"));
}

#[test]
fn a_masked_line_is_masked_no_further() {
    for (marked, _) in SECRETS {
        let once = mask(&secret_line(marked).0).text;
        assert_eq!(mask(&once).text, once);
    }
}

#[test]
fn a_long_line_takes_no_more_than_its_length() {
    // Quadratic work on it would not end within the test run's patience.
    for piece in ["a=", "\"a\":", "$(", "\"", "x://a:", "-p ", "--password ", "'", "`", "=\"", "|", "mysql "]
    {
        let line = piece.repeat((64 << 10) / piece.len());
        assert!(mask(&line).text.len() <= line.len() * 3);
    }
}

proptest::proptest! {
    #[test]
    fn no_line_is_a_reason_to_panic(line in "(curl|mysql|echo|TOKEN=|--password|-p|-u|:|=|\"|'|\\$\\(|\\)|`|\\\\|\\||<<<|://|@|ü|«| |\n|[a-z0-9]{1,4}){0,30}") {
        mask(&line);
    }
}

#[test]
fn a_long_command_is_cut_at_a_character_and_its_length_is_kept() {
    let kept = keep(&format!("echo {}", "ö".repeat(MAX_COMMAND_BYTES)));
    assert!(kept.text.len() > MAX_COMMAND_BYTES - 2 && kept.text.len() <= MAX_COMMAND_BYTES);
    assert!(kept.text.ends_with('ö'));
    assert_eq!(kept.truncated, Some(5 + 2 * MAX_COMMAND_BYTES as u64));
    assert_eq!(keep("make"), Kept { text: "make".to_owned(), ..Kept::default() });
}

#[test]
fn a_secret_across_the_cut_is_masked_before_it() {
    let line = format!("{} --password=hunter2-hunter2", "x".repeat(MAX_COMMAND_BYTES - 20));
    let kept = keep(&line);
    assert!(!kept.text.contains("hunter"), "{}", &kept.text[MAX_COMMAND_BYTES - 30..]);
    assert_eq!(kept.rules.len(), 1);
}

#[test]
fn what_is_piped_into_an_encoder_or_handed_to_a_store_is_masked() {
    for (line, secret) in [
        ("echo -n hunter2 | base64", "hunter2"),
        ("echo -n swordfish | base64 -w0", "swordfish"),
        ("printf %s 'S3cret!x' | openssl enc -aes-256-cbc -k x", "S3cret!x"),
        ("echo 'kahve1987' | xxd -p", "kahve1987"),
        ("echo -n 'Ankara2024!' | sha256sum", "Ankara2024!"),
        ("echo 'Ankara2024!' | jq -R .", "Ankara2024!"),
        ("echo 'Ankara2024!' | gpg -c > x.gpg", "Ankara2024!"),
        ("echo aHVudGVyMiE= | base64 -d", "aHVudGVyMiE="),
        ("base64 <<< hunter2", "hunter2"),
        ("read -s x <<< hunter2", "hunter2"),
        ("base64 <<EOF\nhunter2\nEOF", "hunter2"),
        ("gpg -c -o x.gpg <<'EOF'\nmy pass phrase\nEOF", "my pass phrase"),
        ("docker login --password-stdin <<EOF\nhunter2\nEOF", "hunter2"),
        ("tool --pw=hunter2 run", "hunter2"),
        ("tool --pwd=hunter2 run", "hunter2"),
        ("PIN=4711 ./unlock", "4711"),
        ("export CARD_PIN=47110815", "47110815"),
        ("tool --pin=4711", "4711"),
        ("SIFRE=kahve1987 ./giris", "kahve1987"),
        ("heroku config:set API_TOKEN=kahve1987 -a app", "kahve1987"),
        ("chamber write prod db_password kahve1987", "kahve1987"),
        ("vault write secret/app password=kahve1987", "kahve1987"),
        ("aws secretsmanager create-secret --name db --secret-string kahve1987", "kahve1987"),
        ("az keyvault secret set --vault-name v --name db --value kahve1987", "kahve1987"),
        ("dotnet user-secrets set Db:Password kahve1987", "kahve1987"),
        ("op item create --category login password=kahve1987", "kahve1987"),
        ("gh secret set TOKEN --body kahve1987", "kahve1987"),
    ] {
        let masked = mask(line);
        assert!(!masked.text.contains(secret), "{line} → {}", masked.text);
    }
}

#[test]
fn what_is_encoded_or_set_without_being_secret_stays() {
    for line in [
        "echo aGVsbG8gd29ybGQ= | base64 -d",
        "echo -n \"$PASSWORD\" | sha256sum",
        "sha256sum -c SUMS <<< 'abc file'",
        "PIN=17 ./blink",
        "gpio --pin=17",
        "tool --pwd=/srv/app",
        "bc <<< '2^64'",
        "read x <<< hello",
        "heroku config:set NODE_ENV=production",
        "vault write auth/approle/role/app policies=default ttl=1h",
        "echo '{\"a\": 1}' | jq -R fromjson",
        "echo 48656c6c6f | xxd -r -p",
    ] {
        assert_eq!(mask(line).text, line);
    }
}

/// Lines that hand a secret to an encoder, a store or a flag; `«…»` goes around what must go.
#[test]
fn secrets_of_encoders_stores_and_flags_are_masked_and_nothing_else() {
    for line in include_str!("tests/secret.txt").lines() {
        let typed = line.replace(['«', '»'], "");
        let mut expected = String::new();
        for part in line.split('«') {
            match part.split_once('»') {
                Some((_, kept)) => expected.extend([MASK, kept]),
                None => expected.push_str(part),
            }
        }
        assert_eq!(mask(&typed).text, expected);
    }
}

/// Ordinary lines of the same programs stay as they are.
#[test]
fn ordinary_lines_of_encoders_stores_and_flags_stay() {
    for line in include_str!("tests/ordinary.txt").lines() {
        assert_eq!(mask(line).text, line);
    }
}
