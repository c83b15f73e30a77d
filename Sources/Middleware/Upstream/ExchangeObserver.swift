/// Told how an exchange with an endpoint goes: whether it waits, and how it ended, once its answer has been taken to the
/// last byte or has broken off. On the connection's loop.
protocol ExchangeObserver: AnyObject {
    /// There is no idle connection; whether the exchange may wait for one.
    func waitBegins() -> Bool
    /// The wait is over, however it ended.
    func waitEnds()
    /// - Parameters:
    ///   - error: what broke it; `nil` for an end in order.
    ///   - status: of an answer that was handed over before its end had come.
    func exchangeEnded(_ error: (any Error)?, streaming status: Int?)
}
