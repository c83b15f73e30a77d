/// Filters in front of what takes connections or datagrams; itself what takes them.
///
/// Listeners make one of what stands in their braces. Filters are asked in order; the first that refuses ends it.
public struct ConnectionStack<Last: Sendable>: Sendable {
    private let filters: [any ConnectionFilter]
    private let last: Last

    /// Those filters, in order, in front of `last`.
    public init(_ filters: [any ConnectionFilter], endingIn last: Last) {
        self.filters = filters
        self.last = last
    }

    /// The permits of all filters; `nil` once one refuses.
    private func permits(_ context: RequestContext) -> [ConnectionPermit]? {
        var permits: [ConnectionPermit] = []
        for filter in filters {
            guard let permit = filter.admit(context) else {
                ConnectionFilterMetric.refused.increment()
                return nil
            }
            if permit !== ConnectionPermit.free { permits.append(permit) }
        }
        return permits
    }

    private func blueprint(around inner: Blueprint) -> Blueprint {
        filters.reversed().reduce(inner) { inner, filter in
            var outer = filter.blueprint
            outer.children.append(("next", inner))
            return outer
        }
    }
}

extension ConnectionStack: ConnectionHandler where Last == any ConnectionHandler {
    public var blueprint: Blueprint { blueprint(around: last.blueprint) }

    public func handle(_ connection: consuming Connection, context: RequestContext) async throws {
        guard let permits = permits(context) else {
            connection.reset()
            return
        }
        defer { withExtendedLifetime(permits) {} }
        try await last.handle(connection, context: context)
    }
}

extension ConnectionStack: DatagramHandler where Last == any DatagramHandler {
    public var blueprint: Blueprint { blueprint(around: last.blueprint) }

    public var limits: DatagramLimits { last.limits }

    public func admit(_ context: RequestContext) -> ConnectionPermit? {
        guard var permits = permits(context), let inner = last.admit(context) else { return nil }
        guard !permits.isEmpty else { return inner }
        permits.append(inner)
        let held = permits
        return ConnectionPermit { withExtendedLifetime(held) {} }
    }

    public func handle(_ session: DatagramSession, context: RequestContext) async throws {
        try await last.handle(session, context: context)
    }
}

/// Collects the filters of a listener and what stands behind them: filters and arrays of them, `if`, `if`/`else` and
/// `for` around filters, and one handler at the end.
@resultBuilder public enum ConnectionStackBuilder<Last: Sendable> {
    public static func buildExpression(_ filter: some ConnectionFilter) -> [any ConnectionFilter] { [filter] }

    public static func buildExpression(_ filters: [any ConnectionFilter]) -> [any ConnectionFilter] { filters }

    @_disfavoredOverload public static func buildExpression(_ last: Last) -> ConnectionStack<Last> {
        ConnectionStack([], endingIn: last)
    }

    public static func buildPartialBlock(first: [any ConnectionFilter]) -> [any ConnectionFilter] { first }

    public static func buildPartialBlock(first: ConnectionStack<Last>) -> ConnectionStack<Last> { first }

    public static func buildPartialBlock(
        accumulated: [any ConnectionFilter], next: [any ConnectionFilter]
    ) -> [any ConnectionFilter] {
        accumulated + next
    }

    public static func buildPartialBlock(
        accumulated: [any ConnectionFilter], next: ConnectionStack<Last>
    ) -> ConnectionStack<Last> {
        next.behind(accumulated)
    }

    public static func buildOptional(_ filters: [any ConnectionFilter]?) -> [any ConnectionFilter] { filters ?? [] }

    public static func buildEither(first filters: [any ConnectionFilter]) -> [any ConnectionFilter] { filters }

    public static func buildEither(second filters: [any ConnectionFilter]) -> [any ConnectionFilter] { filters }

    public static func buildEither(first stack: ConnectionStack<Last>) -> ConnectionStack<Last> { stack }

    public static func buildEither(second stack: ConnectionStack<Last>) -> ConnectionStack<Last> { stack }

    public static func buildArray(_ filters: [[any ConnectionFilter]]) -> [any ConnectionFilter] {
        filters.flatMap { $0 }
    }
}

extension ConnectionStack {
    fileprivate func behind(_ outer: [any ConnectionFilter]) -> ConnectionStack {
        ConnectionStack(outer + filters, endingIn: last)
    }
}
