extension Runtime {
    /// The result of `work`; throws `late` when that takes longer than `limit` by the runtime's clock.
    func limit<Value: Sendable, Failure: Error>(
        to limit: Duration,
        orThrow late: Failure,
        _ work: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withTaskGroup(of: Result<Value, Failure>.self) { group in
            group.addTask {
                do throws(Failure) {
                    return .success(try await work())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await self.sleep(for: limit)
                return .failure(late)
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(late)
        }
        return try result.get()
    }
}
