//! `bpctl run` in a hooked shell: one run or two, and which is within which.

use super::*;

#[tokio::test]
async fn bpctl_run_typed_in_a_hooked_shell_is_that_shells_run() {
    let mut lab = Lab::new().await;
    let shell = Shell::new();
    let hook = lab.hook_start(&shell, "bpctl run --tag nightly make");
    let hook_uid = hook.uid;
    lab.start(hook).await;
    let wrapper = lab.wrapper_start(Owner { pid: 4_000_000, start_ticks: 1 }, shell.owner());
    let wrapper_uid = wrapper.uid;
    assert_eq!(lab.start(wrapper).await.uid, hook_uid, "the wrapper learns the id of the shell's run");
    let tags = lab.next(|measured| match measured {
        Measured::Event(Event { body: Body::Edit { run, edit: Edit { tags, .. } }, .. })
            if run == hook_uid =>
        {
            tags
        }
        _ => None,
    });
    assert_eq!(tags.await, ["nightly"]);

    let exact = totals(Duration::from_millis(12), Quality::Exact);
    drop(lab.send(Body::Finish(Box::new(ended(wrapper_uid, Some(exact))))).await);
    assert_eq!(lab.amended(hook_uid).await.totals, exact);
    let times = totals(Duration::from_millis(13), Quality::Times);
    let settled = lab.finish(ended(hook_uid, Some(times))).await.totals.unwrap();
    assert_eq!((settled.cpu_ns, settled.quality), (exact.cpu_ns, Quality::Exact));
}

#[tokio::test]
async fn a_wrapper_that_was_spooled_finds_the_shells_run_after_its_end() {
    let mut lab = Lab::new().await;
    let shell = Shell::new();
    let hook = lab.hook_start(&shell, "bpctl run make");
    let hook_uid = hook.uid;
    let wrapper = lab.wrapper_start(Owner { pid: 4_000_000, start_ticks: 1 }, shell.owner());
    lab.start(hook).await;
    lab.finish(ended(hook_uid, None)).await;
    let wrapper_uid = wrapper.uid;
    assert_eq!(lab.start(wrapper).await.uid, hook_uid);
    let exact = totals(Duration::from_secs(2), Quality::Exact);
    drop(lab.send(Body::Finish(Box::new(ended(wrapper_uid, Some(exact))))).await);
    assert_eq!(lab.amended(hook_uid).await.totals, exact);
}

#[tokio::test]
async fn a_wrapper_inside_a_longer_line_is_nested_in_the_shells_run() {
    let mut lab = Lab::new().await;
    let shell = Shell::new();
    let hook = lab.hook_start(&shell, "bpctl run make | tee log");
    let hook_uid = hook.uid;
    lab.start(hook).await;
    let wrapper = lab.wrapper_start(Owner { pid: 4_000_000, start_ticks: 0 }, shell.owner());
    let wrapper_uid = wrapper.uid;
    let nested = lab.start(wrapper).await;
    assert_eq!((nested.uid, nested.parent), (wrapper_uid, Some(hook_uid)));
}

#[tokio::test]
async fn a_job_of_the_line_before_is_not_nested_in_the_line_that_is_typed_meanwhile() {
    let mut lab = Lab::new().await;
    let shell = Shell::new();
    let job = lab.wrapper_start(Owner { pid: 4_000_000, start_ticks: 1 }, shell.owner());
    let hook = lab.hook_start(&shell, "make");
    lab.start(hook).await;
    // Told late, by a process that was there before the line.
    assert_eq!(lab.start(job).await.parent, None);
}
