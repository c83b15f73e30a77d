public import HTTPTypes
public import Middleware
import NIOCore

/// Checks a `Handler` of one's own against what a server relies on.
///
/// ```swift
/// let violations = await HandlerConformance(TestClient(MyHandler()), path: "/things").check()
/// #expect(violations.isEmpty, "\(violations)")
/// ```
///
/// The handler is called directly, without a pipeline that would answer what it throws; throwing is an answer too.
/// Whether the answers are right is not checked here. Works with any test framework.
public struct HandlerConformance: Sendable {
    /// The rules, as sentences of what holds.
    public enum Rule: String, Sendable, CaseIterable {
        case isComposed = "the composition has no problems"
        case answers = "a GET is answered, and the body of the answer ends or is live"
        case answersHead = "a HEAD is answered"
        case releasesTheRequestBody = "the body of a request is free once the request is over, read or not"
        case endsWhenTheClientLeaves = "the handler ends when the client leaves while its request comes"
        case endsWhenCancelled = "the handler ends when the exchange had failed before it began"
        case releasesTheResponse = "the body of an answer that nobody reads is free once it is dropped"
        case keepsNoContext = "nobody holds the context of an exchange that is over"
    }

    private let client: TestClient
    private let path: String
    private let headers: Headers
    private let method: HTTPRequest.Method
    private let exceptions: Set<Rule>
    private let patience: Patience

    /// Checks of a handler.
    ///
    /// - Parameters:
    ///   - client: a client of the handler, with the origins that it needs. Nobody moves its clock: an answer that
    ///     takes time counts as none.
    ///   - path: path and query of the requests; `/` unless given.
    ///   - headers: their fields.
    ///   - method: the method of those that have a body; POST unless given.
    ///   - except: rules that do not apply.
    ///   - patience: how long a handler that hangs is waited for, in real time; 10 seconds unless given.
    public init(
        _ client: TestClient,
        path: String = "/",
        headers: Headers = [:],
        method: HTTPRequest.Method = .post,
        except exceptions: Set<Rule> = [],
        patience: Duration = .seconds(10)
    ) {
        self.client = client
        self.path = path
        self.headers = headers
        self.method = method
        self.exceptions = exceptions
        self.patience = Patience(patience)
    }

    /// Checks every rule, one after the other; empty when all hold.
    @concurrent public func check() async -> [ConformanceViolation] {
        var found: [ConformanceViolation] = []
        for rule in Rule.allCases where !exceptions.contains(rule) {
            let explanation = await patience.check(on: client.worker, hung: "it came to no end") {
                await self.explanation(rule)
            }
            if let explanation { found.append(ConformanceViolation(rule: rule.rawValue, explanation: explanation)) }
        }
        return found
    }

    /// What breaks a rule; `nil` when it holds.
    private func explanation(_ rule: Rule) async -> String? {
        switch rule {
        case .isComposed: isComposed()
        case .answers: await answers(.get)
        case .answersHead: await answers(.head)
        case .releasesTheRequestBody: await releasesTheRequestBody()
        case .endsWhenTheClientLeaves: await endsWhenTheClientLeaves()
        case .endsWhenCancelled: await endsWhenCancelled()
        case .releasesTheResponse: await releasesTheResponse()
        case .keepsNoContext: await keepsNoContext()
        }
    }

    private func isComposed() -> String? {
        do {
            try client.validate()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func answers(_ method: HTTPRequest.Method) async -> String? {
        do {
            let context = makeContext()
            let response = try await client.handler.handle(makeRequest(method), context: context)
            if method == .get { try await read(response.body) }
            return nil
        } catch is CancellationError {
            return "it threw CancellationError, and nobody had cancelled it"
        } catch is Unfinished {
            return "its body came to no end and is not live"
        } catch {
            return nil
        }
    }

    private func releasesTheRequestBody() async -> String? {
        let record = await exchange(makeBody([.bytes("some "), .bytes("content")]))
        guard await Patience.settles(on: client.worker, { record.isReleased }) else {
            return "somebody holds it, with \(record.bytesRead) bytes of it read"
        }
        return nil
    }

    /// One exchange up to its end; what became of the request's body.
    private func exchange(_ source: consuming ScriptedSource) async -> ScriptedSource.Record {
        let record = source.record
        let context = makeContext()
        let response = try? await client.handler.handle(makeRequest(method, source), context: context)
        if let response { try? await read(response.body) }
        context.finish(Outcome())
        return record
    }

    private func endsWhenTheClientLeaves() async -> String? {
        let source = makeBody([.bytes("some "), .hang])
        let leaving = Watched<RequestContextReference?>(nil)
        let task = Task(executorPreference: client.worker.executor) {
            let context = makeContext()
            leaving.change { $0 = RequestContextReference(context) }
            let response = try? await client.handler.handle(makeRequest(method, source), context: context)
            response?.body.discard()
        }
        _ = await Patience.settles(on: client.worker, turns: 50) { false }
        leaving.value?.context.cancellation.fail(CancellationError())
        source.cancel(CancellationError())
        task.cancel()
        await task.value
        return nil
    }

    private func endsWhenCancelled() async -> String? {
        let context = makeContext()
        context.cancellation.fail(CancellationError())
        let source = makeBody([.fail(CancellationError())])
        let response = try? await client.handler.handle(makeRequest(method, source), context: context)
        response?.body.discard()
        return nil
    }

    private func releasesTheResponse() async -> String? {
        weak var source: (any BodySource)?
        do {
            let context = makeContext()
            guard let response = try? await client.handler.handle(makeRequest(.get), context: context) else {
                return nil
            }
            guard !response.body.isReplayable else { return nil }
            source = try? response.body.open()
            context.finish(Outcome())
        }
        guard await Patience.settles(on: client.worker, { source == nil }) else { return "somebody holds its source" }
        return nil
    }

    private func keepsNoContext() async -> String? {
        weak var held: RequestContext?
        do {
            let context = makeContext()
            held = context
            let response = try? await client.handler.handle(makeRequest(.get), context: context)
            if let response { try? await read(response.body) }
            context.finish(Outcome())
        }
        guard await Patience.settles(on: client.worker, { held == nil }) else {
            return "somebody holds it (a closure that was stored?)"
        }
        return nil
    }
}

extension HandlerConformance {
    /// Thrown for a body that goes on and on.
    private struct Unfinished: Error {}

    /// Carries a context to a task of its loop. Unchecked because both tasks run there.
    private struct RequestContextReference: @unchecked Sendable {
        let context: RequestContext
        init(_ context: RequestContext) { self.context = context }
    }

    private func makeContext() -> RequestContext {
        RequestContext(runtime: client.runtime, worker: client.worker, peer: client.peer, watchesTask: true)
    }

    private func makeBody(_ steps: [ScriptedSource.Step]) -> ScriptedSource { ScriptedSource(steps) }

    private func makeRequest(_ method: HTTPRequest.Method, _ source: ScriptedSource? = nil) -> Request {
        var request = Request(method, path)
        request.authority = "localhost"
        request.headers = headers
        if let source { request.body = .stream(source) }
        return request
    }

    /// Reads a body to its end, and one that is live not at all.
    private func read(_ body: Body) async throws {
        guard !body.isLive else {
            body.discard()
            return
        }
        let reading = SourceReading(source: try body.open(), worker: client.worker, patience: patience)
        for _ in 0..<100_000 {
            switch await reading.read() {
            case .part(.bytes): continue
            case .part(.end): return
            case .failed(let error): throw error
            case .hung:
                reading.source.cancel(CancellationError())
                throw Unfinished()
            }
        }
        reading.source.cancel(CancellationError())
        throw Unfinished()
    }
}
