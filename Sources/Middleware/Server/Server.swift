public import Logging
public import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// Takes connections and runs a handler on their requests.
///
/// ```swift
/// let server = Server(gateway, listeners: [.http(port: 8080)])
/// try await server.run()
/// ```
///
/// It speaks HTTP/1.1 and 1.0, strictly (RFC 9112): what two parties could read differently is refused. One event loop
/// for each core accepts connections of its own (`SO_REUSEPORT`) and keeps them; a request never changes its thread.
///
/// Reading stops while a handler does not take what came: at most 64 KiB of a body or of pipelined requests wait in
/// memory for each connection, plus one read. A client that resets, whose connection fails, or that closes before its
/// answer is complete cancels the task of its request and every wait of its context (see
/// ``Configuration/allowsHalfClose``).
///
/// A `Service` of ServiceLifecycle: on SIGTERM or a group's graceful shutdown it stops accepting, closes idle
/// connections, finishes what is in flight and what was spawned, and returns, within ``Configuration/drainTimeout``. It
/// runs the background services of its handler meanwhile. Run it once.
public final class Server: Service {
    private struct State {
        var root: any Handler
        var workers: [ServerWorker] = []
        var addresses: Result<[SocketAddress], any Error>?
        var waiters: [CheckedContinuation<[SocketAddress], any Error>] = []
    }

    private let listeners: [Listener]
    private let configuration: Configuration
    private let givenRuntime: Runtime?
    private let logger: Logger
    private let services: BackgroundServices
    private let state: Mutex<State>

    /// A server that is not running yet.
    ///
    /// - Parameters:
    ///   - handler: answers the requests.
    ///   - listeners: the addresses to take connections on, for this handler or one of their own.
    ///   - configuration: threads, timeouts and limits.
    ///   - runtime: the event loops, the clock, the logger and so on; one on threads of the server's own unless given.
    ///   - logger: where the server says what it does, and what contexts start from; with a runtime, the runtime's
    ///     logger takes its place.
    public init(
        _ handler: any Handler,
        listeners: [Listener],
        configuration: Configuration = Configuration(),
        runtime: Runtime? = nil,
        logger: Logger = Logger(label: "middleware.server")
    ) {
        self.listeners = listeners
        self.configuration = configuration
        self.givenRuntime = runtime
        self.logger = runtime?.logger ?? logger
        services = BackgroundServices(logger: self.logger)
        state = Mutex(State(root: handler))
    }

    /// The addresses that are listened on, in the order of the listeners: waits until the server runs. With port 0 this
    /// is how the port is known. Throws what made ``run()`` fail.
    public func addresses() async throws -> [SocketAddress] {
        try await withCheckedThrowingContinuation { continuation in
            let known = state.withLock { state in
                if state.addresses == nil { state.waiters.append(continuation) }
                return state.addresses
            }
            if let known { continuation.resume(with: known) }
        }
    }

    /// Gives new requests to another handler. Requests in flight end with the one they began with, and no connection is
    /// dropped; background services that both have go on.
    ///
    /// Throws ``CompositionError`` when the new handler's composition has problems; the old one stays then.
    public func replace(_ handler: any Handler) throws {
        let blueprint = handler.blueprint
        let problems = blueprint.validate()
        guard problems.isEmpty else { throw CompositionError(problems) }
        let workers = state.withLock { state in
            state.root = handler
            return state.workers
        }
        let root = ServerWorker.Root(Self.unwrap(handler))
        for worker in workers { worker.worker.perform { worker.root = root } }
        if let runtime = workers.first?.runtime { services.use(allServices(with: blueprint), on: runtime) }
    }

    /// Takes connections until a graceful shutdown, then drains.
    ///
    /// Throws ``CompositionError`` with every problem of the composition and the configuration before anything is
    /// opened, and what binding an address throws.
    public func run() async throws {
        do {
            try check()
            let group = givenRuntime?.workers.group ?? MultiThreadedEventLoopGroup(numberOfThreads: threads)
            let runtime = givenRuntime ?? Runtime(logger: logger, group: group)
            defer { if givenRuntime == nil { group.shutdownGracefully { _ in } } }
            try await run(on: runtime)
        } catch {
            settle(.failure(error))
            throw error
        }
    }

    private var threads: Int { configuration.threads > 0 ? configuration.threads : System.coreCount }

    private func check() throws {
        var blueprint = Blueprint("Server")
        configuration.check(&blueprint)
        for listener in listeners { listener.check(&blueprint) }
        blueprint.require(!listeners.isEmpty, "has no listener", mend: "give one")
        let root = state.withLock { $0.root }
        let parts = [blueprint, root.blueprint] + listeners.compactMap(\.blueprint)
        let problems = parts.flatMap { $0.validate() }
        guard problems.isEmpty else { throw CompositionError(problems) }
    }

    /// The background services of the handler and of the listeners' own handlers.
    private func allServices(with root: Blueprint) -> [any Service] {
        var whole = root
        whole.children += listeners.compactMap { listener in listener.blueprint.map { (listener.description, $0) } }
        return whole.allServices
    }

    private func run(on runtime: Runtime) async throws {
        let census = ConnectionCensus(
            limit: configuration.limits.connections,
            limitPerAddress: configuration.limits.connectionsPerAddress
        )
        let (workers, root) = state.withLock { state in
            state.workers = runtime.workers.all.map {
                ServerWorker(
                    $0,
                    runtime: runtime,
                    configuration: configuration,
                    census: census,
                    root: Self.unwrap(state.root)
                )
            }
            return (state.workers, state.root)
        }
        // Of a proxied connection there are two ends.
        if let descriptors = DescriptorLimit.soft, descriptors / 2 < configuration.limits.connections {
            logger.notice(
                "the process may open fewer files than connections would need",
                metadata: [
                    "limit.descriptors": "\(descriptors)", "limits.connections": "\(configuration.limits.connections)",
                ]
            )
        }
        let acceptor = Acceptor(workers: workers, census: census, backlog: configuration.backlog)
        do {
            for listener in listeners { try await acceptor.listen(listener) }
        } catch {
            await acceptor.close()
            throw error
        }
        services.use(allServices(with: root.blueprint), on: runtime)
        let addresses = acceptor.addresses
        logger.info("listening", metadata: ["on": "\(addresses.map { "\($0)" }.joined(separator: ", "))"])
        settle(.success(addresses))
        await waitForShutdown()
        logger.info("draining", metadata: ["connections": "\(census.count)"])
        await acceptor.stopAccepting()
        let drain = Drain(workers, runtime: runtime, timeout: configuration.drainTimeout)
        if await drain.run() == false { logger.warning("broke off what was still in flight when the drain had to end") }
        // From here on a swap starts nothing any more.
        state.withLock { $0.workers = [] }
        await services.stop(within: configuration.drainTimeout, by: runtime.time)
    }

    /// The outermost layer of a pipeline, which saves every request a call.
    private static func unwrap(_ handler: any Handler) -> any Handler {
        (handler as? Pipeline).map { unwrap($0.first) } ?? handler
    }

    private func settle(_ result: Result<[SocketAddress], any Error>) {
        let waiters = state.withLock { state in
            state.addresses = result
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    /// Waits for the graceful shutdown of a surrounding group, for a signal, or for the cancellation of the task.
    private func waitForShutdown() async {
        let wait = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: UntilShutdown(), successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: configuration.shutdownSignals,
                logger: logger
            )
        )
        await withTaskCancellationOrGracefulShutdownHandler {
            // It fails only when it is cancelled, which ends the wait as well.
            try? await wait.run()
        } onCancelOrGracefulShutdown: {
            Task { await wait.triggerGracefulShutdown() }
        }
    }

    private struct UntilShutdown: Service {
        func run() async throws { try? await gracefulShutdown() }
    }
}
