public import HTTPTypes
public import Logging

/// What belongs to one exchange besides its messages: typed keys, deadline, logger, hooks, and the ways to leave it.
///
/// A context stays on the event loop of its connection. It is not `Sendable`, so that most accidental hops are compile
/// errors; work that must leave has three doors: ``fork()`` makes a context for a branch, ``spawn(_:)`` starts work
/// that outlives the request, ``offload(_:)`` runs heavy work off the loop. (A bare `Task` leaves the loop;
/// `@concurrent` functions, default actors and `async let` stay on it.) A handler may be called from any executor all
/// the same: the library's sources and pools check their loop and move the call there.
///
/// ```swift
/// context[TenantKey.self] = tenant
/// context.onFinish { context, outcome in log(outcome.bytesSent) }
/// let scope = context.limit(to: .seconds(2))
/// let response = try await next.handle(request, context: context)
/// scope.lift()
/// ```
///
/// A server uses the context of a connection again for its next request, but only when nothing else still holds it.
public final class RequestContext {
    /// Time, chance, sockets, names and the logger that requests start from.
    public let runtime: Runtime

    /// The logger of this exchange; a middleware adds metadata for those inside.
    public var logger: Logger {
        get { ownLogger ?? initialLogger }
        _modify {
            // Taken out, so that a change of its metadata copies nothing.
            var logger = ownLogger.take() ?? initialLogger
            defer { ownLogger = logger }
            yield &logger
        }
    }

    /// The connection that the request came over.
    public package(set) var peer: Peer

    /// When the exchange began: the first byte of the request was seen.
    public package(set) var began: ContinuousClock.Instant {
        get { ContinuousClock.Instant(nanoseconds: beganAt) }
        set { beganAt = newValue.nanoseconds }
    }

    /// The text of the peer's address, made once for the connection.
    package let peerText: AddressText
    package let worker: Worker
    package let cancellation: Cancellation
    @exclusivity(unchecked) package var beganAt: Int64
    /// Whether its waits must notice the cancellation of the surrounding task by themselves. A server's own task is
    /// cancelled by the connection, which ends the waits directly.
    package let watchesTask: Bool
    private let initialLogger: Logger
    /// Set once somebody has changed the logger.
    @exclusivity(unchecked) private var ownLogger: Logger?
    /// Whether the server has told the end of the exchange.
    @exclusivity(unchecked) package var isFinished = false
    /// The innermost route that has the request. No key: where there are routes, every request has one.
    @exclusivity(unchecked) package var match = RouteMatch()
    @exclusivity(unchecked) package var informational: ((HTTPResponse.Status, Headers) -> Void)?

    /// The keys that were set, and their values in the same order: few, so that a walk beats a table.
    @exclusivity(unchecked) private var keys: [ObjectIdentifier] = []
    @exclusivity(unchecked) private var values: [any Sendable] = []
    @exclusivity(unchecked) private var finishers: [(RequestContext, Outcome) -> Void] = []
    @exclusivity(unchecked) private var informationalEditors: [any InformationalEditor] = []
    @exclusivity(unchecked) private var deadlines: [(id: Int, instant: Int64)] = []
    private var lastScope = 0
    /// The last scope that it has from the context it was forked of.
    private var inheritedScope = 0

    /// A context outside a server: for a handler that is called directly.
    public convenience init(runtime: Runtime) {
        self.init(runtime: runtime, worker: runtime.workers.current, peer: Peer(), watchesTask: true)
    }

    package init(
        runtime: Runtime,
        worker: Worker,
        peer: Peer,
        peerText: AddressText? = nil,
        watchesTask: Bool
    ) {
        self.runtime = runtime
        self.worker = worker
        self.peer = peer
        self.peerText = peerText ?? AddressText(peer.remote)
        self.watchesTask = watchesTask
        initialLogger = runtime.logger
        cancellation = Cancellation(worker: worker)
        beganAt = worker.now
    }

    // MARK: Keys

    /// The value of a key, its default before anything was set.
    public subscript<Key: ContextKey>(_ key: Key.Type) -> Key.Value {
        get {
            let id = ObjectIdentifier(key)
            guard let index = keys.firstIndex(of: id) else { return Key.defaultValue(in: self) }
            return Self.unpack(values[index]) ?? Key.defaultValue
        }
        set {
            let id = ObjectIdentifier(key)
            if let index = keys.firstIndex(of: id) {
                values[index] = newValue
            } else {
                keys.append(id)
                values.append(newValue)
            }
        }
    }

    /// The value of an entry whose type its key has fixed; a comparison of types where a cast would look them up.
    private static func unpack<Packed: Sendable, Value>(_ packed: Packed) -> Value? {
        Packed.self == Value.self ? unsafeBitCast(packed, to: Value.self) : nil
    }

    // MARK: Deadline

    /// When it passes, every wait of the library under this context (pool, connect, queue, read, write, sleep) throws
    /// ``DeadlineExceeded``.
    public var deadline: ContinuousClock.Instant? {
        let instant = nearestDeadline
        return instant == .max ? nil : ContinuousClock.Instant(nanoseconds: instant)
    }

    /// Narrows the deadline until ``DeadlineScope/lift()`` or until the scope is dropped. A scope never widens the
    /// deadline of those around it. One loop timer, no task.
    public func limit(to duration: Duration) -> DeadlineScope {
        lastScope += 1
        let (instant, overflow) = worker.now.addingReportingOverflow(max(0, duration.nanoseconds))
        deadlines.append((lastScope, overflow ? .max : instant))
        applyDeadline()
        return DeadlineScope(context: self, id: lastScope)
    }

    fileprivate func lift(_ id: Int) {
        deadlines.removeAll { $0.id == id }
        applyDeadline()
    }

    /// Ends the limits that a fork has from its context: what it goes on with is no longer under them.
    package func liftInherited() {
        deadlines.removeAll { $0.id <= inheritedScope }
        applyDeadline()
    }

    private var nearestDeadline: Int64 {
        var nearest = Int64.max
        for scope in deadlines { nearest = min(nearest, scope.instant) }
        return nearest
    }

    private func applyDeadline() {
        let instant = nearestDeadline
        worker.perform { [cancellation] in cancellation.setDeadline(instant) }
    }

    /// Waits. Throws ``DeadlineExceeded`` when the deadline passes first, `CancellationError` when the client goes or
    /// the task is cancelled.
    public nonisolated(nonsending) func sleep(for duration: Duration) async throws {
        try await Sleep(duration, in: self).wait()
    }

    // MARK: Hooks

    /// Adds an action for when the exchange is over: the last byte went out, or it failed. For logs and metrics; counts
    /// in flight, ejection evidence and cache commits hang on the body that they concern. Actions run in the order in
    /// which they were added, on the loop.
    public func onFinish(_ action: @escaping (RequestContext, Outcome) -> Void) { finishers.append(action) }

    /// Sends a 1xx answer ahead of the final one (RFC 9110 section 15.2). A client of HTTP/1.0 gets none. It is advice,
    /// and never waited for: one that the client cannot take at once, or that comes after the head of the final answer,
    /// is dropped. Throws when the client has gone; other statuses than 102 to 199 are ignored, since 100 and 101 are
    /// the server's own.
    public nonisolated(nonsending) func sendInformational(
        _ status: HTTPResponse.Status, _ headers: Headers
    ) async throws {
        guard (102...199).contains(status.code) else { return }
        guard !worker.isCurrent else {
            try cancellation.check()
            forwardInformational(status, headers)
            return
        }
        let context = Ferry(self)
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            worker.perform {
                continuation.resume(
                    with: Result {
                        try context.value.cancellation.check()
                        context.value.forwardInformational(status, headers)
                    }
                )
            }
        }
    }

    /// Sees 1xx answers from further in and may edit them; `false` drops one. Those that were added last see them
    /// first.
    public func onInformational(_ edit: @escaping (HTTPResponse.Status, inout Headers) -> Bool) {
        informationalEditors.append(InformationalClosure(edit))
    }

    /// Lets an editor see 1xx answers from further in, until ``removeInformationalEditor(of:)``.
    package func add(_ editor: any InformationalEditor) { informationalEditors.append(editor) }

    /// Takes back the last editor of that owner, and those that were added behind it by what is further in.
    @discardableResult
    package func removeInformationalEditor(of owner: AnyObject) -> (any InformationalEditor)? {
        guard informationalEditors.contains(where: { $0.owner === owner }) else { return nil }
        while let editor = informationalEditors.popLast() {
            if editor.owner === owner { return editor }
        }
        return nil
    }

    package func forwardInformational(_ status: HTTPResponse.Status, _ headers: Headers) {
        var headers = headers
        for editor in informationalEditors.reversed() where !editor.edit(status, &headers, self) { return }
        informational?(status, headers)
    }

    // MARK: Ways out

    /// A context of its own with the same keys, logger, peer, deadline and runtime. Its 1xx answers and `onFinish`
    /// actions go nowhere; it ends with the task that uses it.
    public func fork() -> sending RequestContext {
        let fork = copy()
        fork.deadlines = deadlines
        fork.lastScope = lastScope
        fork.inheritedScope = lastScope
        if !deadlines.isEmpty { fork.applyDeadline() }
        return fork
    }

    /// The same without a deadline.
    private func copy() -> sending RequestContext {
        let fork = RequestContext(
            runtime: runtime,
            worker: worker,
            peer: peer,
            peerText: peerText,
            watchesTask: true
        )
        fork.keys = keys
        fork.values = values
        fork.match = match
        fork.match.compact()
        fork.ownLogger = ownLogger
        fork.beganAt = beganAt
        return fork
    }

    /// The most pieces of spawned work at a time on one event loop; more are not started, and an error is logged.
    public static var spawnLimit: Int { 4096 }

    /// Starts work that outlives the request: on the same loop, with a fork of this context without its deadline,
    /// awaited by the server's drain. It is not cancelled when the client goes.
    public func spawn(_ work: nonisolated(nonsending) sending @escaping (RequestContext) async -> Void) {
        let worker = worker
        guard worker.beginSpawn(limit: Self.spawnLimit) else {
            logger.error("too much spawned work, not started", metadata: ["limit": "\(Self.spawnLimit)"])
            return
        }
        let fork = copy()
        Task(executorPreference: worker.executor) {
            await work(fork)
            worker.endSpawn()
        }
    }

    /// Runs heavy work off the loop and waits for it. Cancelling the task cancels the work.
    public nonisolated(nonsending) func offload<R: Sendable>(
        _ work: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        // A task of its own: a closure that inherits its caller's place would begin on the loop.
        let task = Task(executorPreference: globalConcurrentExecutor) { try await work() }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    // MARK: For the server

    /// Whether anybody waits for the end of the exchange.
    package var hasFinishers: Bool { !finishers.isEmpty }

    /// Ends the exchange.
    package func finish(_ outcome: Outcome) {
        // By index: an action may add another.
        var index = 0
        while index < finishers.count {
            finishers[index](self, outcome)
            index += 1
        }
        finishers.removeAll(keepingCapacity: true)
    }

    /// Has what it keeps of the received bytes in memory of its own: the exchange may last.
    package func compact() { match.compact() }

    /// Lets go of what holds received bytes, once the exchange is over: a connection that idles with its context would
    /// keep a read buffer.
    package func letGo() { match.leave() }

    /// Makes it as new for the next exchange of its connection. Only when nothing else holds it.
    package func reset() {
        // One by one: there are few, and removing a range of them costs more.
        while keys.popLast() != nil { values.removeLast() }
        if !finishers.isEmpty { finishers.removeAll(keepingCapacity: true) }
        if !informationalEditors.isEmpty { informationalEditors.removeAll(keepingCapacity: true) }
        if !deadlines.isEmpty { deadlines.removeAll(keepingCapacity: true) }
        isFinished = false
        cancellation.reset()
        if ownLogger != nil { ownLogger = nil }
    }
}

/// The time for which ``RequestContext/limit(to:)`` holds.
public struct DeadlineScope: ~Copyable {
    private let context: RequestContext
    private let id: Int

    fileprivate init(context: RequestContext, id: Int) {
        self.context = context
        self.id = id
    }

    deinit { context.lift(id) }

    /// Ends the limit; dropping the scope does the same.
    public consuming func lift() {}
}
