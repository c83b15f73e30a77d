/// The same decision for raw connections and UDP sessions, by the address of the client.
extension IPFilter: ConnectionFilter {
    public func admit(_ context: RequestContext) -> ConnectionPermit? {
        admits(context.clientAddress.flatMap { IPAddress($0) }, on: context.worker) ? .free : nil
    }
}
