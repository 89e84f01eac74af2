// A fresh typed array per block, always zeroed; giving back means forgetting.
const allocZeroed = (bytes) => new Uint8Array(bytes);

export const create = () => ({ alloc: allocZeroed, allocZeroed, free: () => true, collected: true });
