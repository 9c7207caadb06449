// A small offer file of AmazonEC2 as AWS publishes it: products of many kinds, on-demand and reserved terms.
export function priceList(region: string, prices: Readonly<Record<string, number>>) {
  const products: Record<string, object> = {};
  const onDemand: Record<string, object> = {};
  const reserved: Record<string, object> = {};
  const add = (sku: string, attributes: object, usd: number, unit = 'Hrs') => {
    products[sku] = { sku, productFamily: 'Compute Instance', attributes: { servicecode: 'AmazonEC2', ...attributes } };
    const term = (code: string, per: string) => ({
      [`${sku}.${code}`]: {
        ...{ offerTermCode: code, sku, effectiveDate: '2026-11-01T00:00:00Z' },
        priceDimensions: {
          [`${sku}.${code}.6YS6EN2CT7`]: {
            ...{ unit, endRange: 'Inf', description: `$${per} per "hour", {Linux}`, appliesTo: [], beginRange: '0' },
            pricePerUnit: { USD: per },
          },
        },
        termAttributes: {},
      },
    });
    onDemand[sku] = term('JRTCKXETXF', usd.toFixed(10));
    reserved[sku] = term('4NA7Y494T4', (usd / 2).toFixed(10));
  };
  for (const [type, usd] of Object.entries(prices)) {
    const plain = {
      ...{ instanceType: type, regionCode: region, operatingSystem: 'Linux', tenancy: 'Shared' },
      ...{ preInstalledSw: 'NA', capacitystatus: 'Used', vcpu: '2' },
    };
    const sku = type.toUpperCase().replace('.', '');
    add(sku, plain, usd);
    add(`${sku}WIN`, { ...plain, operatingSystem: 'Windows' }, usd * 2);
    add(`${sku}DED`, { ...plain, tenancy: 'Dedicated' }, usd * 1.1);
    add(`${sku}SQL`, { ...plain, preInstalledSw: 'SQL Std' }, usd * 5);
    add(`${sku}BLO`, { ...plain, marketoption: 'CapacityBlock' }, usd * 0.9);
    add(`${sku}RES`, { ...plain, capacitystatus: 'UnusedCapacityReservation' }, usd);
  }
  add('VOLUME', { volumeApiName: 'gp3', regionCode: region }, 0.08, 'GB-Mo');
  return {
    formatVersion: 'v1.0',
    disclaimer: 'This pricing list is for informational purposes only.',
    offerCode: 'AmazonEC2',
    version: '20261120000000',
    publicationDate: '2026-11-20T18:00:00Z',
    products,
    terms: { OnDemand: onDemand, Reserved: reserved },
    attributesList: {},
  };
}
