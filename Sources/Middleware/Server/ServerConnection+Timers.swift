import HTTPTypes

/// What a connection waits for, and for how long.
extension ServerConnection {
    func setTimer(_ purpose: TimerPurpose, _ wait: Int64) {
        if case .closed = phase { return }
        timerPurpose = purpose
        guard wait < .max else {
            clearTimer()
            return
        }
        if timer == nil { timer = LoopTimer(on: worker.timers) { [unowned self] in timedOut() } }
        timerIsSet = true
        let (end, overflow) = worker.eventNow.addingReportingOverflow(wait)
        timer?.set(overflow ? .max : end)
    }

    /// Limits the wait for what was written to leave: to some of it at a time.
    func setWriteTimer() {
        unsent = wire.bufferedBytes
        setTimer(.write, server.timeouts.write)
    }

    /// Limits the wait for a request's body: apart from the other timer, since an answer may be going out meanwhile.
    func setBodyTimer(_ wait: Int64) {
        guard wait < .max else {
            bodyTimer?.clear()
            return
        }
        let timer = bodyTimer ?? LoopTimer(on: worker.timers) { [unowned self] in bodyTimedOut() }
        bodyTimer = timer
        let (end, overflow) = worker.eventNow.addingReportingOverflow(wait)
        timer.set(overflow ? .max : end)
    }

    private func bodyTimedOut() {
        guard let waiter = bodyWaiter else { return }
        ServerMetric.timeouts[bodyLimit].increment()
        isDraining = true
        bodyWaiter = nil
        endBodyWait()
        waiter.resume(throwing: RequestTimeout())
    }

    func clearTimer() {
        timerIsSet = false
        timer?.clear()
    }

    private func timedOut() {
        timerIsSet = false
        switch timerPurpose {
        case .taskLinger:
            setTimer(.keepAlive, server.timeouts.keepAlive &- Self.taskLinger)
            rest()
        case .keepAlive:
            ServerMetric.timeouts[.keepAlive].increment()
            close()
        case .head:
            // RFC 9110 section 15.5.9; a client that has sent nothing at all is not owed an answer.
            if decoder.hasPartialHead {
                ServerMetric.timeouts[.head].increment()
                answerAndClose(Response(.requestTimeout, problem: "the head of the request did not come in time"))
            } else {
                close()
            }
        case .write where wire.bufferedBytes < unsent:
            setWriteTimer()
        case .write:
            ServerMetric.timeouts[.write].increment()
            wire.reset()
            if case .handling = phase { clientGone() } else { close() }
        case .closeLinger:
            close()
        }
    }
}
