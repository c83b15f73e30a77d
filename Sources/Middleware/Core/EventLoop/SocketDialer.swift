import NIOCore
import NIOPosix

/// Opens real sockets. Host names go through the system's resolver; both address families are raced by NIO
/// (RFC 8305, "Happy Eyeballs").
struct SocketDialer: Dialer {
    func dial(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        let bootstrap = ClientBootstrap(group: worker.eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: false)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 262_144)
            )
        return connect(bootstrap, to: address, on: worker, completion: completion)
    }

    func dialStream(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        let bootstrap = ClientBootstrap(group: worker.eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.recvAllocator, value: ChannelWire.streamAllocator)
            .channelOption(.writeBufferWaterMark, value: ChannelWire.streamWaterMark)
        return connect(bootstrap, to: address, on: worker, completion: completion)
    }

    private func connect(
        _ bootstrap: ClientBootstrap,
        to address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        let attempt = Attempt(completion: completion)
        let bootstrap =
            bootstrap
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ChannelWire(on: worker))
                }
            }
        let connected =
            switch address {
            case .host(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        connected.assumeIsolated().whenComplete { result in
            worker.executor.beginEvent()
            attempt.finish(result)
            worker.executor.endEvent()
        }
        return TimerToken { worker.perform { attempt.abandon() } }
    }

    /// One attempt. Unchecked because it is touched on its loop only.
    private final class Attempt: @unchecked Sendable {
        private var completion: ((Result<any Wire, any Error>) -> (any WireHandler)?)?

        init(completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?) {
            self.completion = completion
        }

        func finish(_ result: Result<any Channel, any Error>) {
            let completion = self.completion
            self.completion = nil
            switch result {
            case .failure(let error):
                _ = completion?(.failure(error))
            case .success(let channel):
                guard
                    let completion,
                    let wire = try? channel.pipeline.syncOperations.handler(type: ChannelWire.self),
                    let handler = completion(.success(wire))
                else {
                    channel.close(promise: nil)
                    return
                }
                wire.start(handler)
            }
        }

        func abandon() {
            let completion = self.completion
            self.completion = nil
            _ = completion?(.failure(CancellationError()))
        }
    }
}
