/// What a worker keeps until it ends: a connection or the datagrams of a listener. On its loop only.
protocol ServedConnection: AnyObject {
    /// The server stops: ends now if nothing is under way, else when it is done.
    func drain()
    /// The server waits no longer.
    func abort()
}

extension ServerConnection: ServedConnection {}
