/// What a connection hears of the body of its request while that is being sent.
extension UpstreamConnection {
    /// The request's body is being sent and the endpoint does not take it.
    func uploadStalls() {
        unsent = wire.bufferedBytes
        setTimer(timeouts.idle)
    }

    /// The endpoint takes the request's body again.
    func uploadProceeds() { if state == .awaitingHead { timer?.clear() } }

    /// The request's body went out.
    func finished(_ upload: RequestUpload) {
        guard self.upload === upload else { return }
        self.upload = nil
        if state == .awaitingHead { setTimer(timeouts.head) }
    }

    /// The request's body broke off.
    func failed(_ upload: RequestUpload, _ error: any Error) {
        guard self.upload === upload else { return }
        self.upload = nil
        if state == .received, answer != nil {
            // The answer is whole and on its way to its reader; without the rest of the request the connection is of no
            // use.
            persists = false
            return
        }
        fail(UpstreamFailure(.requestBody, "\(error)", cause: error))
    }
}
