import HTTPTypes
import Logging

/// Forwards each request to an endpoint of a cluster, and to another when the first fails and that does no harm.
///
/// ## Placement
/// At the end of a chain. What resolves the client's address behind trusted proxies (``ClientAddress``) stands outside.
///
/// ```swift
/// let users = Cluster("users", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"])
/// try await Server(LoadBalancer(users), listeners: [.http(port: 8080)]).run()
/// ```
/// ```swift
/// var configuration = LoadBalancer.Configuration()
/// configuration.retries.statuses = [500, 502, 503, 504]
/// configuration.affinity = .cookie("app-node", keys: [SessionAffinity.Key(secret)])
/// configuration.hedging = Hedging(after: .milliseconds(80))
/// let balancer = LoadBalancer(users, configuration)
/// ```
///
/// The steps of a request:
///
///     1  its session's endpoint, if it belongs to one, else the choice of the cluster's policy; counted in
///     2  ``Forwarder``: a connection, the request, the head of the answer
///     3  what became of it is evidence for the cluster's health
///     4  a failure, or a status of ``RetryPolicy/statuses``, is tried again where ``RetryPolicy`` allows it
///     5  counted out with the last byte of the answer
///
/// A failure is answered and logged as ``ReverseProxy`` does it. Without an endpoint that may be chosen the answer is 503
/// with `Retry-After`, at once. The last try's answer goes to the client as it is, whatever its status.
///
/// 1xx answers of a try pass as they come (those of a hedged request are held until a try is chosen): they commit the
/// gateway to nothing (RFC 9110 section 15.2). It does not follow redirects and does not read bodies.
public struct LoadBalancer: Handler {
    /// Everything behind one reference: a handler is copied with each request.
    final class Parts: Sendable {
        let cluster: Cluster
        let roster: ClusterRoster
        let configuration: Configuration
        let forwarder: Forwarder
        let selection: Int
        let statuses: FailureStatuses
        let retries: Int
        let budget: RetryBudget
        let sessions: ClusterSessions?
        let key: BalancingKey?
        /// Whether anything reads how long answers take.
        let measures: Bool
        let readsResponseTime: Bool
        /// Whether requests take the short way: no session, no hedging, no limit or field for each try.
        let isPlain: Bool

        init(_ cluster: Cluster, _ configuration: Configuration) {
            self.cluster = cluster
            self.configuration = configuration
            roster = cluster.roster
            forwarder = Forwarder(configuration.forwarding)
            selection = configuration.labels.isEmpty ? 0 : roster.selection(labelled: configuration.labels)
            statuses = FailureStatuses(configuration.retries.statuses)
            retries = configuration.retries.retries
            budget = configuration.retries.budget
            sessions = configuration.affinity.map {
                ClusterSessions($0, of: cluster.name, labelled: configuration.labels)
            }
            key = cluster.policy.key
            readsResponseTime = cluster.policy.readsResponseTime
            measures = readsResponseTime || cluster.roster.passiveHealth?.responseTime != nil
            isPlain =
                configuration.affinity == nil && configuration.hedging == nil && configuration.deadlineField == nil
                && configuration.retries.tryTimeout == nil
        }
    }

    let parts: Parts

    /// A balancer over a cluster. Several may share one, with different configurations.
    public init(_ cluster: Cluster, _ configuration: Configuration = Configuration()) {
        parts = Parts(cluster, configuration)
    }

    public var blueprint: Blueprint {
        let cluster = parts.cluster
        var blueprint = Blueprint(
            "LoadBalancer to \(cluster.name) by \(cluster.policy.name)",
            placement: Placement(follows: ["client address"])
        )
        blueprint.services = [cluster.upkeep]
        cluster.check(&blueprint)
        let labels = parts.configuration.labels
        blueprint.require(
            labels.isEmpty || cluster.source != nil || cluster.roster.given.contains { $0.has(labels) },
            "wants endpoints labelled \(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))",
            mend: "give labels that an endpoint of cluster \(cluster.name) has"
        )
        parts.configuration.check(&blueprint)
        return blueprint
    }

    @inline(__always)
    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            guard context.worker.isCurrent else {
                return try await Self.onLoop(Ferry((self, request, context))).value
            }
            guard parts.isPlain else { return try await handleWithExtras(request, context) }
            return try await balance(request, context)
        } catch let failure as ProxyFailure {
            return answer(failure, context)
        } catch let refused as SessionRefused {
            return refused.answer.value
        }
    }

    /// One request by the short way. Inlined, as the forwarder is; a try after the first one goes another way.
    @inline(__always)
    private func balance(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        let parts = parts
        var request = request
        let hash = parts.key?.hash(request, context)
        let recording = try parts.record(&request)
        parts.budget.deposit(at: context.worker.eventNow)
        let choice = try parts.cluster.endpoint(hash: hash, selection: parts.selection, context: context)
        let began = parts.measures ? context.worker.now : 0
        let result: TryResult
        do {
            let response = try await parts.forwarder.forwardOnLoop(
                copy request, to: choice.endpoint, context: context, observer: choice.state)
            parts.answered(
                response.status.code, isWhole: response.body.isReplayable, by: choice, since: began, context)
            guard parts.statuses.contains(response.status.code) else { return response }
            result = .answered(response)
        } catch {
            parts.failed(error, by: choice, context)
            result = .failed(error)
        }
        var tries = Tries(hash: hash, recording: recording)
        tries.append(choice.state)
        return try await tryAgain(request, after: result, &tries, context)
    }

    func answer(_ failure: ProxyFailure, _ context: RequestContext) -> Response {
        // What a client does wrong is no news, and a client can cause any number of such lines.
        context.logger.log(
            level: failure.side == .client ? .debug : .warning,
            "forwarding failed",
            metadata: [
                "cluster": "\(parts.cluster.name)", "endpoint": "\(failure.endpoint)", "code": "\(failure.code)",
                "detail": "\(failure.detail)",
            ]
        )
        return Response(failure.answer)
    }

    /// For a caller who stands elsewhere than on the loop of the context.
    private static func onLoop(
        _ call: Ferry<(LoadBalancer, Request, RequestContext)>
    ) async throws -> Ferry<Response> {
        let task = Task(executorPreference: call.value.2.worker.executor) {
            let (balancer, request, context) = call.value
            return Ferry(try await balancer.handle(request, context: context))
        }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}
