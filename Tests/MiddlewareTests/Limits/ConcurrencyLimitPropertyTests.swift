import HTTPTypes
import Middleware
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Random arrivals, ends, departures and jumps of time on several event loops; after each of them the counts are
/// compared with what can be seen from outside.
@Suite("ConcurrencyLimit under random events")
struct ConcurrencyLimitPropertyTests {
    @Test("no waiter is lost, no limit is passed, and places go round in the order of arrival", arguments: 1...40)
    func events(seed: Int) async throws {
        let model = Model(seed: seed)
        for step in 0..<120 {
            let event = model.step()
            await model.settle()
            model.check("seed \(seed), step \(step), \(event)")
        }
        await model.finish()
    }

    @Test("requests and departures on all loops at once lose no place and no waiter")
    func storm() async {
        var configuration = ConcurrencyLimit.Configuration()
        configuration.queue = .max
        configuration.wait = .seconds(600)
        let limit = ConcurrencyLimit(3, configuration)
        let runtime = Runtime()
        let workers = runtime.workers.all
        let inside = Mutex((now: 0, most: 0))
        let handler = HandlerFunction { request, _ in
            inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            await Task.yield()
            inside.withLock { $0.now -= 1 }
            return Response(.ok, body: request.path == "/stream" ? .stream(GatedSource("unread")) : .text("whole"))
        }
        let tasks = (0..<2_000).map { number in
            let worker = workers[number % workers.count]
            return Task(executorPreference: worker.executor) {
                let context = RequestContext(runtime: runtime, worker: worker, peer: Peer(), watchesTask: true)
                let request = Request(.get, number.isMultiple(of: 2) ? "/stream" : "/")
                return try await limit.handle(request, context: context, next: handler).status.code
            }
        }
        for number in stride(from: 0, to: tasks.count, by: 3) { tasks[number].cancel() }
        for (number, task) in tasks.enumerated() {
            switch await task.result {
            case .success(let status): #expect(status == 200)
            case .failure(let error): #expect(error is CancellationError && number.isMultiple(of: 3))
            }
        }
        #expect(await eventually { limit.places.counts == (0, 0, 0) })
        #expect(inside.withLock { $0.now == 0 && $0.most <= 3 })
    }

    /// One request.
    private final class Flight: Sendable {
        enum State: Sendable { case waiting, inside, served, refused, left }

        let id: Int
        let path: String
        let source = GatedSource()
        let state = Mutex(State.waiting)
        let task = Mutex<Task<Void, Never>?>(nil)

        init(id: Int, path: String) {
            self.id = id
            self.path = path
        }

        var current: State { state.withLock { $0 } }

        func becomes(_ state: State) { self.state.withLock { $0 = state } }
    }

    /// Used by one test at a time.
    private final class Model {
        private let time = SteppedTime()
        private let runtime: Runtime
        private let limit: ConcurrencyLimit
        private let places: Int
        private let queue: Int
        private var random: SplitMix
        private var flights: [Flight] = []
        private let order = OrderOfEntry()

        init(seed: Int) {
            random = SplitMix(seed: UInt64(seed))
            runtime = Runtime(time: time, group: MultiThreadedEventLoopGroup.singleton)
            places = 1 + random.below(3)
            queue = random.below(5)
            var configuration = ConcurrencyLimit.Configuration()
            configuration.queue = queue
            configuration.wait = .seconds(3)
            limit = ConcurrencyLimit(places, by: .text { request, _ in request.path }, configuration)
        }

        private func some(_ state: Flight.State) -> Flight? {
            flights.filter { $0.current == state }.randomElement(using: &random)
        }

        func step() -> String {
            switch random.below(10) {
            case 0...4:
                arrive()
                return "arrival"
            case 5...6:
                some(.inside)?.source.finish()
                return "end"
            case 7:
                some(.inside)?.source.fail(CancellationError())
                return "failure"
            case 8:
                some(.waiting)?.task.withLock { $0?.cancel() }
                return "departure"
            default:
                time.step(by: .seconds(random.below(4)))
                return "time"
            }
        }

        private func arrive() {
            let flight = Flight(id: flights.count, path: random.oneIn(3) ? "/b" : "/a")
            flights.append(flight)
            let workers = runtime.workers.all
            let worker = workers[random.below(workers.count)]
            let task = Task(executorPreference: worker.executor) { [runtime, limit, order] in
                let inner = HandlerFunction { _, _ in
                    order.enter(flight.id, flight.path)
                    flight.becomes(.inside)
                    return Response(.ok, body: .stream(flight.source))
                }
                let context = RequestContext(runtime: runtime, worker: worker, peer: Peer(), watchesTask: true)
                do {
                    let response = try await limit.handle(Request(.get, flight.path), context: context, next: inner)
                    guard response.status == .ok else {
                        flight.becomes(.refused)
                        return
                    }
                    _ = try await drain(try response.body.open())
                    flight.becomes(.served)
                } catch {
                    flight.becomes(.left)
                }
            }
            flight.task.withLock { $0 = task }
        }

        /// Has every loop do what is ready, and what that made ready on another.
        func settle() async {
            for _ in 0..<8 {
                for worker in runtime.workers.all { try? await worker.eventLoop.submit {}.get() }
            }
        }

        func check(_ place: String) {
            let counts = limit.places.counts
            let inside = flights.filter { $0.current == .inside }
            let waiting = flights.filter { $0.current == .waiting }
            #expect(counts.running == inside.count, "\(place)")
            #expect(counts.waiting == waiting.count, "\(place)")
            for path in ["/a", "/b"] {
                let running = inside.count { $0.path == path }
                let queued = waiting.count { $0.path == path }
                #expect(running <= places && queued <= queue, "\(place), \(path)")
                #expect(queued == 0 || running == places, "\(place), \(path): a place is free and somebody waits")
            }
            #expect(order.isKept, "\(place)")
        }

        /// Ends everything that is inside until nobody is left.
        func finish() async {
            while let flight = flights.first(where: { $0.current == .inside }) {
                flight.source.finish()
                await settle()
            }
            for flight in flights { await flight.task.withLock { $0 }?.value }
            #expect(flights.allSatisfy { [.served, .refused, .left].contains($0.current) })
            #expect(limit.places.counts == (0, 0, 0))
        }
    }

    /// Whether requests of one key come inside in the order in which they arrived.
    private final class OrderOfEntry: Sendable {
        private let state = Mutex((last: [String: Int](), isKept: true))

        var isKept: Bool { state.withLock { $0.isKept } }

        func enter(_ id: Int, _ path: String) {
            state.withLock { state in
                if let last = state.last[path], last > id { state.isKept = false }
                state.last[path] = id
            }
        }
    }
}
